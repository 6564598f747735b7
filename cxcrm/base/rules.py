"""What holds in every app of the desk; `docs/roles.md` shows it as a table."""

import rules

from cxcrm.users.enums import Role
from cxcrm.users.rules import has_role

works_with_customers = has_role(Role.AGENT, Role.TEAM_LEAD, Role.CX_MANAGER)

leads_a_team = has_role(Role.TEAM_LEAD, Role.CX_MANAGER)

# A whole list in one file leaves the house more easily than pages of it do.
rules.add_perm("base.export", leads_a_team)

rules.add_perm("base", works_with_customers)
for model in ("job", "jobrefusal"):
    rules.add_perm(f"base.view_{model}", works_with_customers)
rules.add_perm("base.view_jobs_of_others", leads_a_team)
# The operators' page: counts, ages and processes, no customers.
rules.add_perm("base.view_operations", leads_a_team)
