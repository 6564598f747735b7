"""What the desk's start page shows."""

from typing import Any

from django.http import HttpRequest

from accounts.selectors.accounts import has_accounts
from cxcrm.agent_desk import selectors
from cxcrm.base import clock


def add_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds what this user may see: own tasks to those who work, figures to all."""
    at = clock.now()
    context |= {"now": at, "today": at.date()}
    user = request.user
    if user.has_perm("accounts.view_account"):
        context |= {
            "has_accounts": has_accounts(),
            "renewals": selectors.renewal_figures(at),
        }
    if user.has_perm("accounts.view_task"):
        context |= {
            "my_tasks": selectors.open_tasks_of(user),
            "unassigned": selectors.count_unassigned_tasks(),
        }
    if user.has_perm("outbox.view_outgoingmail"):
        context |= {"mails": selectors.mail_figures()}
    return context
