"""What is measured and explained: the work of a day, and the desk's lists as agents use them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from accounts.enums import ReminderState
from accounts.models import (
    Account,
    Contact,
    Contract,
    DailyRevenue,
    RenewalReminder,
    Task,
    TimelineEvent,
)
from accounts.services.contracts import advance_contracts
from accounts.services.renewals import plan_renewal_reminders
from accounts.services.revenue import record_revenue_days
from benchmarks import sql
from cxcrm.base import clock
from cxcrm.outbox.models import MailAddress, OutgoingMail


@dataclass(frozen=True)
class Work:
    """`ours` and `floor` answer how many rows they dealt with."""

    name: str
    ours: Callable[[], int]
    floor: Callable[[], int]


@dataclass(frozen=True)
class Page:
    """A page of the desk; `table` is what its floor reads the newest rows of."""

    name: str
    path: str
    table: str


def works(day: date) -> list[Work]:
    def plan(name: str, on: date) -> Work:
        return Work(
            f"reminders, {name}",
            lambda: sum(plan_renewal_reminders(at=clock.instant_on(on)).values()),
            lambda: sql.insert_due_reminders(day=on),
        )

    def advance(name: str, on: date) -> Work:
        return Work(
            f"starts, ends, renewals, {name}",
            lambda: sum(advance_contracts(at=clock.instant_on(on)).values()),
            lambda: sql.update_due_contracts(day=on),
        )

    yesterday = day - timedelta(days=1)
    return [
        plan("nothing due", yesterday),
        plan("one day", day),
        plan("10 days", day + timedelta(days=9)),
        plan("50 days", day + timedelta(days=49)),
        advance("nothing due", yesterday),
        advance("one day", day),
        Work(
            "revenue of a day, value of all accounts",
            lambda: record_revenue_days(at=clock.instant_on(day + timedelta(days=1))),
            lambda: sql.sum_yearly_values(day=day),
        ),
    ]


def pages() -> Iterator[Page]:
    mail = OutgoingMail.objects.select_related("address").latest("id")
    contract = Contract.objects.filter(account_id=mail.account_id).latest("id")
    account = contract.account
    contact = Contact.objects.filter(address_id=mail.address_id).latest("id")

    yield Page("start page", reverse("admin:index"), Contract._meta.db_table)
    yield Page("revenue", f"{reverse('admin:revenue')}?days=365", DailyRevenue._meta.db_table)
    yield from _lists(
        Account,
        [
            {},
            {"p": 150},
            {"show": "mine"},
            {"show": "high-value"},
            {"brand__id__exact": 1},
            {"q": account.external_id},
            {"q": contract.external_id},
            {"q": mail.address.address},
            {"q": contact.name.split()[1]},
            {"q": "bakery"},
            {"q": "bakery", "brand__id__exact": 1},
        ],
    )
    yield _change(Account, account.pk)
    yield from _lists(
        Contact,
        [
            {},
            {"account": account.pk},
            {"q": mail.address.address},
            {"q": account.external_id},
            {"q": contact.name},
            {"q": "tamsin"},
        ],
    )
    yield from _lists(
        Contract,
        [
            {},
            {"p": 150},
            {"show": "renewing-7"},
            {"show": "renewing-45"},
            {"show": "renewing-90"},
            {"show": "under-notice"},
            {"show": "ordered"},
            {"show": "running"},
            {"show": "ended"},
            {"brand__id__exact": 1},
            {"family": "server"},
            {"term": "rolling"},
            {"term": "fixed"},
            {"show": "renewing-45", "brand__id__exact": 1},
            {"show": "renewing-45", "family": "server"},
            {"show": "renewing-45", "term": "fixed"},
            {"show": "ended", "term": "fixed"},
            {"account": account.pk},
            {"q": contract.external_id},
            {"q": account.external_id},
        ],
    )
    yield _change(Contract, contract.pk)
    yield from _lists(
        RenewalReminder,
        [{}, *({"show": state.value} for state in ReminderState), {"q": contract.external_id}],
    )
    yield from _lists(
        Task,
        [
            {},
            {"show": "mine"},
            {"show": "nobody"},
            {"show": "overdue"},
            {"show": "done"},
            {"pool__exact": "billing"},
            {"show": "done", "pool__exact": "billing"},
            {"q": account.external_id},
            {"q": "mailbox"},
            {"show": "done", "q": "mailbox"},
        ],
    )
    yield from _lists(
        OutgoingMail,
        [
            {},
            {"show": "waiting"},
            {"show": "accepted"},
            {"show": "suppressed"},
            {"show": "failed"},
            {"account_id": account.pk},
            {"q": mail.address.address},
        ],
    )
    yield from _lists(MailAddress, [{}, {"show": "bounced"}, {"q": mail.address.address}])
    yield from _lists(TimelineEvent, [{}, {"account": account.pk}])


def _lists(model: type, queries: list[dict]) -> Iterator[Page]:
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for query in queries:
        narrowed = ", ".join(f"{name}={value}" for name, value in query.items())
        name = f"{model._meta.verbose_name_plural}{': ' if narrowed else ''}{narrowed}"
        yield Page(name, f"{path}?{urlencode(query)}", model._meta.db_table)


def _change(model: type, pk: int) -> Page:
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk])
    return Page(f"page of one of the {model._meta.verbose_name_plural}", path, model._meta.db_table)
