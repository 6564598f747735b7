"""Recurring revenue by day: of an account, of the company, in the reporting currency."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, Brand, DailyRevenue, ExchangeRate, RevenueDay
from accounts.sql.revenue import revenue_of_account
from cxcrm.base.errors import DomainError


class RateMissing(DomainError):
    """`currency` is the one that has no rate on the day in question."""

    code = "rate_missing"

    def __init__(self, currency: str, day: date) -> None:
        super().__init__(
            _("There is no exchange rate for %(currency)s that is valid on %(day)s.")
            % {"currency": currency, "day": day},
            field="currency",
        )
        self.currency = currency
        self.day = day


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
class AccountRevenue:
    """By currency, and all of it in the reporting currency: None where `missing` have no rate."""

    by_currency: list[Revenue]
    total: Revenue | None
    missing: list[str]

    @property
    def is_converted(self) -> bool:
        """Whether the total says more than the one line above it."""
        return self.total is not None and [line.currency for line in self.by_currency] != [
            self.total.currency
        ]


@dataclass(frozen=True)
class RevenueOfDay:
    """The company on a day, in the reporting currency; rounded for display only."""

    day: date
    arr: Decimal
    under_notice: Decimal
    contracts: int
    accounts: int

    @property
    def mrr(self) -> Decimal:
        return self.arr / 12


class Rates:
    """Dated exchange rates into the reporting currency, read once."""

    def __init__(self, currencies: Iterable[str]) -> None:
        self._steps: dict[str, tuple[list[date], list[Decimal]]] = defaultdict(lambda: ([], []))
        wanted = {*currencies} - {settings.CXCRM_REPORTING_CURRENCY}
        rates = ExchangeRate.objects.filter(currency__in=wanted) if wanted else []
        for rate in sorted(rates, key=lambda rate: rate.valid_from):
            days, values = self._steps[rate.currency]
            days.append(rate.valid_from)
            values.append(rate.rate)

    def on(self, day: date, currency: str) -> Decimal:
        """The latest rate of a currency that is valid on a day. Raises RateMissing."""
        if currency == settings.CXCRM_REPORTING_CURRENCY:
            return Decimal(1)
        days, values = self._steps[currency]
        before = bisect_right(days, day)
        if not before:
            raise RateMissing(currency, day)
        return values[before - 1]


def revenue_of(account: Account, *, on: date, today: date) -> AccountRevenue:
    """The account's revenue on a day, past or to come, at the prices in force then; two queries.

    An end that came without a cancellation counts as notice from yesterday on.
    """
    lines = [
        Revenue(currency, arr, under_notice)
        for currency, arr, under_notice in revenue_of_account(
            account_id=account.pk, day=on, ends_known_from=today - timedelta(days=1)
        )
    ]
    rates = Rates(line.currency for line in lines)
    missing = []
    arr = under_notice = Decimal(0)
    for line in lines:
        try:
            rate = rates.on(on, line.currency)
        except RateMissing:
            missing.append(line.currency)
        else:
            arr += line.arr * rate
            under_notice += line.arr_under_notice * rate
    total = Revenue(settings.CXCRM_REPORTING_CURRENCY, arr, under_notice)
    return AccountRevenue(lines, None if missing else total, missing)


def last_recorded_day() -> date | None:
    return RevenueDay.objects.aggregate(day=Max("day"))["day"]


def company_revenue(*, since: date, until: date, brand: Brand | None = None) -> list[RevenueOfDay]:
    """The recorded days of a period in turn, of all brands or one: three queries.

    Each day is converted by its own rates. Raises RateMissing.
    """
    days = list(
        RevenueDay.objects.filter(day__range=(since, until))
        .order_by("day")
        .values_list("day", flat=True)
    )
    figures = DailyRevenue.objects.filter(day__gte=since, day__lte=until)
    if brand is not None:
        figures = figures.filter(brand=brand)
    of_day: dict[date, list[DailyRevenue]] = defaultdict(list)
    for figure in figures.order_by("day_id", "currency", "brand_id"):
        of_day[figure.day_id].append(figure)
    rates = Rates(figure.currency for lines in of_day.values() for figure in lines)
    return [_total(day, of_day[day], rates) for day in days]


def _total(day: date, lines: list[DailyRevenue], rates: Rates) -> RevenueOfDay:
    worth = [(line, rates.on(day, line.currency)) for line in lines]
    return RevenueOfDay(
        day=day,
        arr=sum((line.arr * rate for line, rate in worth), Decimal(0)),
        under_notice=sum((line.arr_under_notice * rate for line, rate in worth), Decimal(0)),
        contracts=sum(line.contracts for line in lines),
        accounts=sum(line.accounts for line in lines),
    )
