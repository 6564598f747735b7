"""Who may see outgoing mail and addresses; `docs/roles.md` shows it as a table."""

import rules

from cxcrm.users.enums import Role
from cxcrm.users.rules import has_role

works_with_customers = has_role(Role.AGENT, Role.TEAM_LEAD, Role.CX_MANAGER)

rules.add_perm("outbox", works_with_customers)
for model in ("mailaddress", "mailpermission", "outgoingmail"):
    rules.add_perm(f"outbox.view_{model}", works_with_customers)
rules.add_perm("outbox.revive_mailaddress", has_role(Role.TEAM_LEAD, Role.CX_MANAGER))
