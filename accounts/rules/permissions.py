"""Who may do what with customers; `docs/roles.md` shows it as a table."""

import rules

from cxcrm.users.enums import Role
from cxcrm.users.rules import has_role

works_with_customers = has_role(Role.AGENT, Role.TEAM_LEAD, Role.CX_MANAGER)
leads_a_team = has_role(Role.TEAM_LEAD, Role.CX_MANAGER)
manages_cx = has_role(Role.CX_MANAGER)
sees_figures = works_with_customers | has_role(Role.EXECUTIVE)

rules.add_perm("accounts", sees_figures)

for model in (
    "account",
    "contract",
    "product",
    "brand",
    "timelineevent",
    "cancellationreason",
    "exchangerate",
):
    rules.add_perm(f"accounts.view_{model}", sees_figures)
for model in (
    "contact",
    "task",
    "renewalreminder",
    "reminderpolicy",
    "reminderpolicystep",
    "cancellation",
    "lostaccount",
):
    rules.add_perm(f"accounts.view_{model}", works_with_customers)
for model in ("importrun", "importissue", "importmapping"):
    rules.add_perm(f"accounts.view_{model}", manages_cx)

rules.add_perm("accounts.change_account", works_with_customers)
rules.add_perm("accounts.add_contact", works_with_customers)
rules.add_perm("accounts.change_contact", works_with_customers)
rules.add_perm("accounts.cancel_contract", works_with_customers)
rules.add_perm("accounts.change_price", leads_a_team)
rules.add_perm("accounts.decide_reminder", works_with_customers)
rules.add_perm("accounts.assign_account", leads_a_team)
rules.add_perm("accounts.view_revenue", leads_a_team | has_role(Role.EXECUTIVE))
rules.add_perm("accounts.import_feed", manages_cx)
for model in ("reminderpolicy", "reminderpolicystep"):
    rules.add_perm(f"accounts.add_{model}", manages_cx)
    rules.add_perm(f"accounts.change_{model}", manages_cx)
rules.add_perm("accounts.delete_reminderpolicystep", manages_cx)
rules.add_perm("accounts.add_exchangerate", manages_cx)
rules.add_perm("accounts.change_exchangerate", manages_cx)
rules.add_perm("accounts.add_cancellationreason", manages_cx)
rules.add_perm("accounts.change_cancellationreason", manages_cx)
rules.add_perm("accounts.add_task", works_with_customers)
rules.add_perm("accounts.finish_task", works_with_customers)
rules.add_perm("accounts.take_task", works_with_customers)
rules.add_perm("accounts.assign_task", leads_a_team)
rules.add_perm("accounts.add_product", manages_cx)
rules.add_perm("accounts.change_product", manages_cx)
rules.add_perm("accounts.change_brand", manages_cx)
rules.add_perm("accounts.add_brand", has_role(Role.ADMINISTRATOR))
