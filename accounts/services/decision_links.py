"""The link in a renewal reminder: derived from the reminder, never stored."""

from django.urls import reverse

from accounts.models import RenewalReminder
from accounts.sql.deciders import contact_decides
from cxcrm.base.links import absolute, seal

DECIDE = "decide"


def decision_path(reminder_id: int) -> str:
    return reverse("accounts:renewal", args=[seal(DECIDE, reminder_id)])


def reminder_secrets(reminder_id: int) -> dict[str, str]:
    """The link for the mail of a reminder; empty for a reader who may not decide."""
    contact_id, account_id = RenewalReminder.objects.values_list(
        "contact_id", "contract__account_id"
    ).get(pk=reminder_id)
    decides = contact_id is not None and contact_decides(
        contact_id=contact_id, account_id=account_id
    )
    return {"decide_url": absolute(decision_path(reminder_id)) if decides else ""}
