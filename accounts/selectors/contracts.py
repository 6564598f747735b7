"""What the desk shows of one contract."""

from dataclasses import dataclass
from datetime import date

from accounts.enums import ContractState
from accounts.models import Cancellation, Contract, PriceChange, RenewalReminder
from accounts.querysets.contracts import SHORTEST_FIXED_TERM_MONTHS
from accounts.selectors.accounts import ContractLine, Moment, contract_line, moment_of_event
from accounts.selectors.cancellations import cancellations_of
from accounts.selectors.prices import price_changes_of, prices_ahead
from accounts.selectors.reminders import ComingReminder, coming_reminders
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
    coming: list[ComingReminder]
    reminders: list[ReminderLine]
    is_unserved: bool  # no policy tells its customer of the next renewal
    timeline: list[Moment]


def contract_overview(contract: Contract, *, on: date, mail_kind: str) -> ContractOverview:
    """The contract at a glance, as of `on`, its own day; `mail_kind`: that of its reminders."""
    changes = price_changes_of(contract)
    reminders = list(
        contract.reminders.select_related("contact", "policy").order_by("-renewal_date", "-step")[
            :LISTED
        ]
    )
    mails = OutgoingMail.objects.filter(
        kind=mail_kind, subject_id__in=[reminder.pk for reminder in reminders]
    ).order_by("id")
    newest = {mail.subject_id: mail for mail in mails}
    coming = coming_reminders(contract, on=on)
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
        coming=coming,
        reminders=[ReminderLine(reminder, newest.get(reminder.pk)) for reminder in reminders],
        is_unserved=not coming
        and _is_to_be_reminded_of(contract)
        and all(reminder.renewal_date != contract.renewal_date for reminder in reminders),
        timeline=[moment_of_event(event) for event in events],
    )


def _is_to_be_reminded_of(contract: Contract) -> bool:
    return (
        contract.state in ContractState.LIVING
        and contract.renewal_date is not None
        and (contract.term_months or 0) >= SHORTEST_FIXED_TERM_MONTHS
        and contract.ends_on is None
        and not contract.awaits_decision
    )
