"""The link in a renewal reminder: derived from the reminder, never stored."""

from datetime import UTC

from django.urls import reverse

from accounts.models import RenewalReminder
from accounts.sql.deciders import contact_decides
from cxcrm.base.links import absolute, seal

DECIDE = "decide"


def reminder_mark(reminder_id: int) -> str | None:
    """What the link of a reminder is bound to: another reminder that got its number, after a
    restore, differs in the moment of its decision. None where there is no such reminder."""
    reminder = RenewalReminder.objects.filter(pk=reminder_id)
    row = reminder.values_list("contract_id", "renewal_date", "step", "decided_at").first()
    if row is None:
        return None
    contract_id, renewal_date, step, decided_at = row
    return f"{contract_id} {renewal_date} {step} {decided_at.astimezone(UTC).isoformat()}"


def decision_path(reminder_id: int) -> str:
    """Of a reminder that there is."""
    mark = reminder_mark(reminder_id) or ""
    return reverse("accounts:renewal", args=[seal(DECIDE, reminder_id, bound_to=mark)])


def reminder_secrets(reminder_id: int) -> dict[str, str]:
    """The link for the mail of a reminder; empty for a reader who may not decide."""
    contact_id, account_id = RenewalReminder.objects.values_list(
        "contact_id", "contract__account_id"
    ).get(pk=reminder_id)
    decides = contact_id is not None and contact_decides(
        contact_id=contact_id, account_id=account_id
    )
    return {"decide_url": absolute(decision_path(reminder_id)) if decides else ""}
