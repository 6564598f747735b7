"""Each day is recorded once, and the company is told of its days in one currency."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from threading import Event

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, DailyRevenue, ExchangeRate, RevenueDay
from accounts.selectors.revenue import RateMissing, RevenueOfDay, company_revenue
from accounts.services.due_work import run_due_work
from accounts.services.exchange_rates import NoRateNeeded
from accounts.services.prices import announce_price_change
from accounts.services.revenue import recompute_revenue, record_revenue_days
from tests.factories import NOW, AccountFactory, BrandFactory, ContractFactory, exchange_rate

pytestmark = pytest.mark.django_db

TODAY = NOW.date()  # 1 June 2026
YESTERDAY = TODAY - timedelta(days=1)
DAY = timedelta(days=1)


def test_day_is_recorded_once_and_a_second_run_looks_up_one_row():
    ContractFactory()
    assert record_revenue_days(at=NOW) == 1

    with CaptureQueriesContext(connection) as captured:
        assert record_revenue_days(at=NOW + timedelta(hours=8)) == 0

    assert len(captured) == 1
    assert list(RevenueDay.objects.values_list("day", flat=True)) == [YESTERDAY]


def test_missed_days_are_made_up_for_at_the_prices_of_their_days():
    contract = ContractFactory()
    record_revenue_days(at=NOW)
    announce_price_change(
        contract_id=contract.pk,
        price=Decimal(20),
        effective_on=TODAY + 2 * DAY,
        announced_on=TODAY,
        at=NOW,
    )

    counts = run_due_work(at=NOW + 4 * DAY)

    assert counts["revenue_days"] == 4
    arr = DailyRevenue.objects.order_by("day_id").values_list("arr", flat=True)
    assert list(arr) == [120, 120, 120, 240, 240]


def test_gap_of_years_is_cut_at_four_hundred_days():
    RevenueDay.objects.create(day=date(2020, 1, 1), recorded_at=NOW)

    assert record_revenue_days(at=NOW) == 400
    assert RevenueDay.objects.order_by("-day")[399].day == YESTERDAY - 399 * DAY


def test_account_counts_once_however_many_currencies_it_has():
    account = AccountFactory()
    for currency in ("EUR", "USD", "CHF", "EUR"):
        ContractFactory(account=account, currency=currency)
    for currency in ("USD", "CHF"):
        exchange_rate(currency, "1")

    record_revenue_days(at=NOW)

    [day] = company_revenue(since=YESTERDAY, until=YESTERDAY)
    assert (day.accounts, day.contracts) == (1, 4)


def test_command_records_past_days_anew():
    ContractFactory(starts_on=date(2026, 1, 1))
    RevenueDay.objects.create(day=date(2026, 5, 1), recorded_at=NOW)
    output = StringIO()

    for _time in range(2):
        call_command(
            "record_revenue", "--since", "2026-05-01", "--until", "2026-05-10", stdout=output
        )

    assert "10  days recorded" in output.getvalue()
    assert DailyRevenue.objects.filter(arr=120).count() == 10


def test_recording_yesterday_anew_values_the_accounts():
    contract = ContractFactory()

    recompute_revenue(since=YESTERDAY, until=YESTERDAY, at=NOW)

    account = Account.objects.get()
    assert (account.arr, account.is_high_value) == (120, True)
    ContractFactory(account=contract.account)
    recompute_revenue(since=YESTERDAY - DAY, until=YESTERDAY, at=NOW)
    account.refresh_from_db()
    assert account.arr == 240


def test_days_between_recorded_ones_are_made_up_for():
    ContractFactory(starts_on=date(2026, 1, 1))
    for day in (date(2026, 5, 20), YESTERDAY):
        recompute_revenue(since=day, until=day, at=NOW)

    assert record_revenue_days(at=NOW) == 10

    days = [date(2026, 5, 20) + DAY * number for number in range(12)]
    assert list(RevenueDay.objects.order_by("day").values_list("day", flat=True)) == days
    assert DailyRevenue.objects.filter(arr=120).count() == 12


@pytest.mark.django_db(transaction=True)
def test_account_that_somebody_holds_costs_neither_the_figures_nor_the_others():
    held, free = ContractFactory(), ContractFactory()
    lost = ContractFactory(currency="CHF").account
    Account.objects.filter(pk=lost.pk).update(lost_on=YESTERDAY, lost_arr=None)
    holding, done = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            list(Account.objects.select_for_update().filter(pk__in=[held.account_id, lost.pk]))
            holding.set()
            done.wait(30)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold)
        assert holding.wait(30)
        recorded = record_revenue_days(at=NOW)
        arr = dict(Account.objects.values_list("pk", "arr"))
        done.set()
        holder.result()
    again = record_revenue_days(at=NOW + timedelta(minutes=1))

    assert (recorded, again) == (1, 0)
    assert (arr[held.account_id], arr[free.account_id]) == (0, 120)
    assert Account.objects.get(pk=held.account_id).arr == 120
    assert RevenueDay.objects.get().accounts_valued_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize("period", [("2026-05-10", "2026-05-01"), ("2026-05-10", "2999-01-01")])
def test_command_refuses_a_period_that_is_none(period):
    with pytest.raises(CommandError, match=r"--since|--until"):
        call_command("record_revenue", "--since", period[0], "--until", period[1])


# --- The company in one currency


def test_company_is_told_in_the_reporting_currency_by_the_rates_of_each_day(settings):
    brands = BrandFactory(), BrandFactory()
    for brand in brands:
        for currency in ("EUR", "USD"):
            ContractFactory(account=AccountFactory(brand=brand), currency=currency)
    exchange_rate("USD", "0.5")
    exchange_rate("USD", "0.75", YESTERDAY)
    recompute_revenue(since=YESTERDAY - DAY, until=YESTERDAY, at=NOW)

    both = company_revenue(since=date(2026, 1, 1), until=TODAY)
    one = company_revenue(since=YESTERDAY, until=TODAY, brand=brands[0])

    assert both == [
        RevenueOfDay(YESTERDAY - DAY, Decimal(360), Decimal(0), contracts=4, accounts=4),
        RevenueOfDay(YESTERDAY, Decimal(420), Decimal(0), contracts=4, accounts=4),
    ]
    assert one == [RevenueOfDay(YESTERDAY, Decimal(210), Decimal(0), contracts=2, accounts=2)]
    settings.CXCRM_REPORTING_CURRENCY = "USD"
    with pytest.raises(RateMissing) as missing:
        company_revenue(since=YESTERDAY, until=TODAY)
    assert missing.value.currency == "EUR"
    assert "EUR" in str(missing.value)


def test_company_takes_three_queries_however_many_days():
    exchange_rate("USD", "0.5")
    ContractFactory(currency="USD", starts_on=date(2026, 1, 1))
    for since in (YESTERDAY, date(2026, 5, 1)):
        recompute_revenue(since=since, until=YESTERDAY, at=NOW)
        with CaptureQueriesContext(connection) as captured:
            company_revenue(since=since, until=YESTERDAY)
        assert len(captured) == 3


def test_reporting_currency_has_no_rate_and_a_rate_is_above_nothing():
    with pytest.raises(NoRateNeeded) as refused:
        exchange_rate("EUR", "1")
    assert refused.value.field == "currency"
    for currency, value in (("USD", "0"), ("usd", "1"), ("US", "1")):
        with pytest.raises(ValidationError):
            exchange_rate(currency, value)
    assert not ExchangeRate.objects.exists()


def test_day_is_that_of_utc():
    ContractFactory()

    record_revenue_days(at=datetime(2026, 6, 1, 23, 59, tzinfo=UTC))
    record_revenue_days(at=datetime(2026, 6, 2, 0, 0, tzinfo=UTC))

    assert set(RevenueDay.objects.values_list("day", flat=True)) == {YESTERDAY, TODAY}
