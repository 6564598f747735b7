"""Recurring revenue by day, against a reckoning that shares no code."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest

from accounts.enums import CancellationKind, PriceChangeReason
from accounts.models import Contract, DailyRevenue, PriceChange
from accounts.selectors.revenue import Revenue, revenue_of
from accounts.services.cancellations import take_back_cancellation
from accounts.services.due_work import run_due_work
from accounts.services.prices import announce_price_change
from accounts.services.revenue import recompute_revenue, record_revenue_days
from cxcrm.base.clock import instant_on
from tests.accounts.cancelling import receive
from tests.accounts.revenue_reference import Deal, sums
from tests.factories import NOW, AccountFactory, BrandFactory, ContractFactory, exchange_rate

pytestmark = pytest.mark.django_db

TODAY = NOW.date()  # 1 June 2026
YESTERDAY = TODAY - timedelta(days=1)
DAY = timedelta(days=1)


def figures(day: date) -> dict[tuple[str, str], tuple]:
    rows = DailyRevenue.objects.filter(day_id=day).select_related("brand")
    return {
        (row.brand.code, row.currency): (
            row.arr,
            row.arr_under_notice,
            row.contracts,
            row.accounts,
        )
        for row in rows
    }


def test_money_of_a_random_company_agrees_with_a_reckoning_day_by_day():
    rng = Random(20260601)
    first, last = date(2026, 3, 1), date(2026, 5, 31)
    brands = [BrandFactory(code="north"), BrandFactory(code="south")]
    accounts = [AccountFactory(brand=rng.choice(brands)) for _number in range(12)]
    deals, planned = [], []
    for _number in range(60):
        account = rng.choice(accounts)
        starts_on = first + timedelta(days=rng.randint(-40, 80))
        deal = Deal(
            brand=account.brand.code,
            account=account.external_id,
            currency=rng.choice(["EUR", "USD", "CHF"]),
            months=rng.choice([1, 3, 7, 12]),
            price=Decimal(rng.randint(0, 5_000)) / 100,
            first_day=starts_on,
            never_counts=rng.random() < 0.1,
        )
        contract = ContractFactory(
            account=account,
            starts_on=starts_on,
            first_term_months=1,
            renewal_term_months=1,
            notice_months=0,
            price=deal.price,
            currency=deal.currency,
            billing_period_months=deal.months,
            is_trial=deal.never_counts,
            at=instant_on(first - timedelta(days=60)),
        )
        for day in sorted({starts_on + timedelta(days=rng.randint(5, 70)) for _ in range(2)}):
            if first < day <= last:
                deal.prices[day] = Decimal(rng.randint(1, 9_000)) / 100
                planned.append(
                    PriceChange(
                        contract=contract,
                        effective_on=day,
                        price=deal.prices[day],
                        reason=PriceChangeReason.PROMOTION_ENDS,
                        created_at=NOW,
                    )
                )
        if rng.random() < 0.4:
            ends_on = starts_on + timedelta(days=rng.randint(0, 90))
            deal.last_day = ends_on
            Contract.objects.filter(pk=contract.pk).update(ends_on=ends_on)
        deals.append(deal)
    PriceChange.objects.bulk_create(planned)

    days = [first + DAY * number for number in range((last - first).days + 1)]
    for day in days:
        run_due_work(at=instant_on(day + DAY))
    recorded = {day: figures(day) for day in days}
    recompute_revenue(since=first, until=last, at=instant_on(last + DAY))

    for day in days:
        expected = sums(deals, day)
        assert {key: figure[0] for key, figure in recorded[day].items()} == expected, day
        assert {key: figure[0] for key, figure in figures(day).items()} == expected, day
    for account in accounts:
        for day in (first, date(2026, 4, 15), last):
            own = [deal for deal in deals if deal.account == account.external_id]
            of_account = revenue_of(account, on=day, today=last + DAY).by_currency
            by_currency = {currency: value for (_brand, currency), value in sums(own, day).items()}
            assert {line.currency: line.arr for line in of_account if line.arr} == by_currency


def test_trials_orders_withdrawn_and_free_contracts_count_as_nothing():
    account = AccountFactory(customer_kind="consumer")
    ContractFactory(account=account, price=Decimal(7))
    ContractFactory(account=account, is_trial=True)
    ContractFactory(account=account, price=0)
    ContractFactory(account=account, starts_on=TODAY + DAY)
    withdrawn = ContractFactory(account=account, starts_on=YESTERDAY - DAY)
    receive(withdrawn, kind=CancellationKind.WITHDRAWAL)

    record_revenue_days(at=NOW)

    assert figures(YESTERDAY) == {(account.brand.code, "EUR"): (Decimal(84), 0, 1, 1)}


def test_first_and_last_day_count():
    contract = ContractFactory(starts_on=date(2026, 5, 10))
    receive(contract, kind=CancellationKind.EXTRAORDINARY, effective_on=date(2026, 6, 5))

    arr = {
        day: sum(line.arr for line in revenue_of(contract.account, on=day, today=TODAY).by_currency)
        for day in (date(2026, 5, 9), date(2026, 5, 10), date(2026, 6, 5), date(2026, 6, 6))
    }

    assert list(arr.values()) == [0, 120, 120, 0]


def test_twelve_times_the_monthly_figure_is_the_yearly_one():
    contract = ContractFactory(price=Decimal(100), billing_period_months=12)

    [line] = revenue_of(contract.account, on=TODAY, today=TODAY).by_currency

    assert line.arr == Decimal("100.0000")
    assert line.mrr * 12 == Decimal("100.0000")


def test_account_has_several_currencies_and_a_total_by_the_rate_of_the_day():
    account = AccountFactory()
    ContractFactory(account=account, price=Decimal(10))
    dollars = ContractFactory(account=account, price=Decimal(5), currency="USD")
    receive(dollars)
    exchange_rate("USD", "0.9")
    exchange_rate("USD", "0.8", TODAY)

    today = revenue_of(account, on=TODAY, today=TODAY)
    yesterday = revenue_of(account, on=YESTERDAY, today=TODAY)

    assert today.by_currency == [
        Revenue("EUR", Decimal(120), Decimal(0)),
        Revenue("USD", Decimal(60), Decimal(60)),
    ]
    assert today.total == Revenue("EUR", Decimal(168), Decimal(48))
    assert yesterday.total == Revenue("EUR", Decimal(174), Decimal(0))  # notice came today


def test_missing_rate_leaves_the_account_without_a_total_and_names_the_currency():
    contract = ContractFactory(currency="CHF")
    exchange_rate("CHF", "1.05", TODAY + DAY)

    revenue = revenue_of(contract.account, on=TODAY, today=TODAY)

    assert (revenue.total, revenue.missing) == (None, ["CHF"])
    assert revenue.by_currency == [Revenue("CHF", Decimal(120), Decimal(0))]


def test_money_of_a_day_to_come_follows_announced_and_renewal_prices():
    contract = ContractFactory(renewal_price=Decimal(20))  # renews on 15 January 2027
    announce_price_change(
        contract_id=contract.pk,
        price=Decimal(12),
        effective_on=date(2026, 8, 1),
        announced_on=TODAY,
        at=NOW,
    )

    def arr(day: date) -> Decimal:
        [line] = revenue_of(contract.account, on=day, today=TODAY).by_currency
        return line.arr

    days = (date(2026, 7, 31), date(2026, 8, 1), date(2027, 1, 14), date(2027, 1, 15))
    assert [arr(day) for day in days] == [120, 144, 144, 240]


def test_notice_counts_from_the_day_that_it_came_until_it_is_taken_back():
    contract = ContractFactory()
    day = instant_on(date(2026, 5, 10))
    given = receive(contract, received_at=day, at=day)
    take_back_cancellation(cancellation_id=given.pk, at=instant_on(date(2026, 5, 20)))

    recompute_revenue(since=date(2026, 5, 8), until=date(2026, 5, 22), at=NOW)

    under_notice = {row.day_id.day for row in DailyRevenue.objects.filter(arr_under_notice__gt=0)}
    assert under_notice == set(range(10, 20))


def test_notice_whose_end_is_still_to_be_decided_counts():
    contract = ContractFactory()
    receive(contract, kind=CancellationKind.EXTRAORDINARY)

    [line] = revenue_of(contract.account, on=TODAY, today=TODAY).by_currency

    assert line.arr_under_notice == 120


def test_end_that_came_without_a_cancellation_counts_as_notice_from_yesterday_on():
    contract = ContractFactory()
    Contract.objects.filter(pk=contract.pk).update(ends_on=date(2026, 12, 31))

    def under_notice(day: date) -> Decimal:
        [line] = revenue_of(contract.account, on=day, today=TODAY).by_currency
        return line.arr_under_notice

    assert [under_notice(day) for day in (TODAY, YESTERDAY, YESTERDAY - DAY)] == [120, 120, 0]


def test_free_contract_in_a_currency_without_a_rate_leaves_the_total_whole():
    account = AccountFactory()
    ContractFactory(account=account)
    ContractFactory(account=account, currency="CHF", price=0)

    revenue = revenue_of(account, on=TODAY, today=TODAY)
    record_revenue_days(at=NOW)

    assert (revenue.total, revenue.missing) == (Revenue("EUR", Decimal(120), Decimal(0)), [])
    account.refresh_from_db()
    assert account.arr == 120


def test_renewal_of_a_trial_whose_price_changes_keeps_that_it_was_worth_nothing():
    contract = ContractFactory(is_trial=True, renewal_price=Decimal(20))
    run_due_work(at=instant_on(date(2027, 1, 15)))

    for day in (date(2027, 1, 14), date(2027, 1, 15)):
        assert revenue_of(contract.account, on=day, today=TODAY).by_currency == []
