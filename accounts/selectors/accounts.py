"""What the desk shows of one account."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Case, F, OuterRef, Subquery, Value, When
from django.utils.formats import date_format, localize

from accounts.enums import CancellationKind, ContractState, ReminderState
from accounts.models import Account, Contact, Contract, RenewalReminder, Task, TimelineEvent
from accounts.rules.ends import end_if_cancelled
from accounts.selectors.prices import (
    PriceAhead,
    next_price,
    pays_with_tax,
    price_to_pay,
    with_next_price_change,
)
from accounts.selectors.revenue import AccountRevenue, revenue_of
from cxcrm.outbox.models import OutgoingMail
from cxcrm.users.models import User

LISTED = 50
# The facts of timeline events that are days.
_DAYS = ("starts_on", "ends_on", "renewed_on", "renewal_date", "effective_on", "lost_on")


@dataclass(frozen=True)
class ContractLine:
    """A contract with what its customer pays: with tax for consumers, else net."""

    contract: Contract
    with_tax: bool
    price: Decimal
    prices_ahead: list[PriceAhead]  # the next first; of a contract in a list the next alone
    reminder: str  # what became of the newest one of its next renewal
    reminded_step: int | None
    earliest_end: date | None  # if cancelled on the day in question; None: over, or an end is set

    @property
    def is_over(self) -> bool:
        return self.contract.state not in ContractState.LIVING

    @property
    def under_notice(self) -> bool:
        return self.contract.ends_on is not None


@dataclass(frozen=True)
class Moment:
    """One line of the timeline: an event, or a mail where `mail` is set."""

    at: datetime
    what: str
    detail: str
    by: User | None
    contract: Contract | None = None
    mail: OutgoingMail | None = None


@dataclass(frozen=True)
class AccountOverview:
    """Everything at a glance; each list is cut at `LISTED`."""

    revenue_on: date
    revenue: AccountRevenue
    contracts: list[ContractLine]
    contacts: list[Contact]
    tasks: list[Task]
    mails: list[OutgoingMail]
    timeline: list[Moment]


def has_accounts() -> bool:
    return Account.objects.exists()


def account_overview(
    account: Account, *, on: date, revenue_on: date, with_mails: bool
) -> AccountOverview:
    """The account as of `on`, its own day, with its money on `revenue_on`: eight queries at most,
    whatever the account holds.

    Without mails for those who may not see addresses; the timeline has none either then.
    """
    mails = list(mails_of_account(account.pk)) if with_mails else []
    return AccountOverview(
        revenue_on=revenue_on,
        revenue=revenue_of(account, on=revenue_on, today=on),
        contracts=contract_lines(account, on=on),
        contacts=list(
            Contact.objects.filter(account=account)
            .select_related("address")
            .order_by("id")[:LISTED]
        ),
        tasks=list(
            Task.objects.open()
            .filter(account=account)
            .select_related("assignee")
            .order_by("due_on", "id")[:LISTED]
        ),
        mails=mails,
        timeline=_timeline(account, mails),
    )


def contract_lines(account: Account, *, on: date) -> list[ContractLine]:
    """Living contracts first, the next to renew on top, each with the reminders of that renewal."""
    reminder = RenewalReminder.objects.filter(
        contract=OuterRef("pk"), renewal_date=OuterRef("renewal_date")
    ).order_by("-step")
    contracts = (
        with_next_price_change(Contract.objects.filter(account=account))
        .select_related("product")
        .annotate(
            reminder=Subquery(reminder.values("state")[:1]),
            reminded_step=Subquery(reminder.values("step")[:1]),
        )
        .order_by(
            Case(
                When(state__in=[ContractState.ORDERED, ContractState.RUNNING], then=Value(0)),
                default=Value(1),
            ),
            F("renewal_date").asc(nulls_last=True),
            "id",
        )
    )
    return [
        contract_line(contract, account, on=on, ahead=next_price(contract))
        for contract in contracts[:LISTED]
    ]


def contract_line(
    contract: Contract, account: Account, *, on: date, ahead: Iterable[PriceAhead]
) -> ContractLine:
    """`ahead`: the net prices that are known to follow."""
    contract.account = account
    state = getattr(contract, "reminder", None)
    return ContractLine(
        contract=contract,
        with_tax=pays_with_tax(account),
        price=price_to_pay(contract, contract.price),
        prices_ahead=[replace(step, price=price_to_pay(contract, step.price)) for step in ahead],
        reminder=str(ReminderState(state).label) if state else "",
        reminded_step=getattr(contract, "reminded_step", None),
        earliest_end=end_if_cancelled(contract, on=on),
    )


def mails_of_account(account_id: int):
    return (
        OutgoingMail.objects.filter(account_id=account_id)
        .select_related("address")
        .order_by("-id")[:LISTED]
    )


def _timeline(account: Account, mails: list[OutgoingMail]) -> list[Moment]:
    events = (
        TimelineEvent.objects.filter(account=account)
        .select_related("actor", "contract")
        .order_by("-occurred_at", "-id")[:LISTED]
    )
    moments = [moment_of_event(event) for event in events]
    moments += [moment_of_mail(mail) for mail in mails]
    return sorted(moments, key=lambda moment: moment.at, reverse=True)[:LISTED]


def moment_of_event(event: TimelineEvent) -> Moment:
    facts = event.facts
    words = [facts[name] for name in ("title", "result") if facts.get(name)]
    if kind := facts.get("cancellation_kind"):
        words.append(str(CancellationKind(kind).label))
    if price := facts.get("price"):
        before = facts.get("price_before")
        steps = [localize(Decimal(step)) for step in (before, price) if step]
        words.append(f"{' → '.join(steps)} {facts['currency']}")
    days = [facts[name] for name in _DAYS if facts.get(name)]
    shown = [date_format(date.fromisoformat(day), "DATE_FORMAT") for day in days]
    return Moment(
        at=event.occurred_at,
        what=event.get_kind_display(),
        detail=" – ".join(words + shown),
        by=event.actor,
        contract=event.contract,
    )


def moment_of_mail(mail: OutgoingMail) -> Moment:
    return Moment(
        at=mail.finished_at or mail.planned_at,
        what=mail.get_state_display(),
        detail=mail.subject_line or mail.kind,
        by=None,
        mail=mail,
    )
