"""Who may see outgoing mail and addresses; `docs/roles.md` shows it as a table."""

import rules

from cxcrm.users.enums import Role
from cxcrm.users.rules import has_role

works_with_customers = has_role(Role.AGENT, Role.TEAM_LEAD, Role.CX_MANAGER)

rules.add_perm("outbox", works_with_customers)
for model in ("mailaddress", "mailpermission", "mailbounce", "outgoingmail"):
    rules.add_perm(f"outbox.view_{model}", works_with_customers)
rules.add_perm("outbox.revive_mailaddress", has_role(Role.TEAM_LEAD, Role.CX_MANAGER))
# By the proof of a newer consent.
rules.add_perm("outbox.lift_objection", has_role(Role.TEAM_LEAD, Role.CX_MANAGER))
# An objection that came by phone or letter.
rules.add_perm("outbox.note_objection", works_with_customers)
rules.add_perm("outbox.view_mailwording", works_with_customers)
rules.add_perm("outbox.change_mailwording", has_role(Role.CX_MANAGER))
rules.add_perm("outbox.view_recipientdomain", has_role(Role.CX_MANAGER))
for deed in ("add", "change", "delete"):
    rules.add_perm(f"outbox.{deed}_recipientdomain", has_role(Role.CX_MANAGER))
rules.add_perm("outbox.hold_mails", has_role(Role.CX_MANAGER))
