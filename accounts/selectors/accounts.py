"""What the desk shows of one account."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Case, F, OuterRef, Subquery, Value, When
from django.utils.formats import date_format

from accounts.enums import ContractState, CustomerKind, ReminderState
from accounts.models import Account, Contact, Contract, RenewalReminder, Task, TimelineEvent
from cxcrm.outbox.models import OutgoingMail
from cxcrm.users.models import User

LISTED = 50


@dataclass(frozen=True)
class Revenue:
    """Recurring revenue in one currency, net, 4 decimals."""

    currency: str
    arr: Decimal
    arr_under_notice: Decimal

    @property
    def mrr(self) -> Decimal:
        return self.arr / 12


@dataclass(frozen=True)
class ContractLine:
    """A contract with what its customer pays: with tax for consumers, else net."""

    contract: Contract
    with_tax: bool
    price: Decimal
    renewal_price: Decimal | None
    reminder: str

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

    revenue: list[Revenue]
    contracts: list[ContractLine]
    contacts: list[Contact]
    tasks: list[Task]
    mails: list[OutgoingMail]
    timeline: list[Moment]


def has_accounts() -> bool:
    return Account.objects.exists()


def account_overview(account: Account, *, on: date, with_mails: bool) -> AccountOverview:
    """The account as of `on`, its own day: seven queries, whatever the account holds.

    Without mails for those who may not see addresses; the timeline has none either then.
    """
    mails = list(mails_of_account(account.pk)) if with_mails else []
    return AccountOverview(
        revenue=revenue_of(account, on=on),
        contracts=contract_lines(account),
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


def revenue_of(account: Account, *, on: date) -> list[Revenue]:
    counted = Contract.objects.filter(account=account).counted(on)
    under_notice = counted.under_notice().arr()
    return [
        Revenue(currency, arr, under_notice.get(currency, Decimal(0)))
        for currency, arr in counted.arr().items()
    ]


def contract_lines(account: Account) -> list[ContractLine]:
    """Living contracts first, the next to renew on top, each with the reminder of that renewal."""
    reminder = RenewalReminder.objects.filter(
        contract=OuterRef("pk"), renewal_date=OuterRef("renewal_date")
    ).order_by("-step")
    contracts = (
        Contract.objects.filter(account=account)
        .select_related("product")
        .annotate(reminder=Subquery(reminder.values("state")[:1]))
        .order_by(
            Case(
                When(state__in=[ContractState.ORDERED, ContractState.RUNNING], then=Value(0)),
                default=Value(1),
            ),
            F("renewal_date").asc(nulls_last=True),
            "id",
        )
    )
    return [contract_line(contract, account) for contract in contracts[:LISTED]]


def contract_line(contract: Contract, account: Account) -> ContractLine:
    with_tax = account.customer_kind == CustomerKind.CONSUMER
    tax = 1 + contract.tax_rate / 100 if with_tax else Decimal(1)
    state = getattr(contract, "reminder", None)
    return ContractLine(
        contract=contract,
        with_tax=with_tax,
        price=round(contract.price * tax, 2),
        renewal_price=None
        if contract.renewal_price is None
        else round(contract.renewal_price * tax, 2),
        reminder=str(ReminderState(state).label) if state else "",
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
    days = [facts[name] for name in ("starts_on", "ends_on", "renewed_on") if facts.get(name)]
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
