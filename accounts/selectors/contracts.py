"""What the desk shows of one contract."""

from dataclasses import dataclass
from datetime import date

from accounts.models import Cancellation, Contract, PriceChange, RenewalReminder
from accounts.selectors.accounts import ContractLine, Moment, contract_line, moment_of_event
from accounts.selectors.cancellations import cancellations_of
from accounts.selectors.prices import price_changes_of, prices_ahead
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
    price_changes: list[PriceChange]
    cancellations: list[Cancellation]
    reminders: list[ReminderLine]
    timeline: list[Moment]


def contract_overview(contract: Contract, *, on: date, mail_kind: str) -> ContractOverview:
    """The contract at a glance, as of `on`, its own day; `mail_kind`: that of its reminders."""
    changes = price_changes_of(contract)
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
        line=contract_line(
            contract, contract.account, on=on, ahead=prices_ahead(contract, changes)
        ),
        price_changes=changes,
        cancellations=cancellations_of(contract),
        reminders=[ReminderLine(reminder, newest.get(reminder.pk)) for reminder in reminders],
        timeline=[moment_of_event(event) for event in events],
    )
