"""What the desk shows of one contract."""

from dataclasses import dataclass

from accounts.models import Contract, RenewalReminder
from accounts.selectors.accounts import ContractLine, Moment, contract_line, moment_of_event
from cxcrm.outbox.models import OutgoingMail

LISTED = 50


@dataclass(frozen=True)
class ReminderLine:
    """A decision about a reminder, and the mail that came of it."""

    reminder: RenewalReminder
    mail: OutgoingMail | None


@dataclass(frozen=True)
class ContractOverview:
    line: ContractLine
    reminders: list[ReminderLine]
    timeline: list[Moment]


def contract_overview(contract: Contract, *, mail_kind: str) -> ContractOverview:
    """The contract at a glance; `mail_kind` is the kind of its reminders' mails."""
    reminders = list(
        contract.reminders.select_related("contact").order_by("-renewal_date", "-step")[:LISTED]
    )
    mails = OutgoingMail.objects.filter(
        kind=mail_kind, subject_id__in=[reminder.pk for reminder in reminders]
    ).order_by("id")
    newest = {mail.subject_id: mail for mail in mails}
    events = (
        contract.account.timeline.filter(contract=contract)
        .select_related("actor", "contract")
        .order_by("-occurred_at", "-id")[:LISTED]
    )
    return ContractOverview(
        line=contract_line(contract, contract.account),
        reminders=[ReminderLine(reminder, newest.get(reminder.pk)) for reminder in reminders],
        timeline=[moment_of_event(event) for event in events],
    )
