from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.models import Contract, DailyRevenue, PriceChange, TimelineEvent
from accounts.selectors.revenue import revenue_of
from accounts.services.due_work import run_due_work
from accounts.services.revenue import recompute_revenue
from cxcrm.base.clock import instant_on
from tests.accounts.imports.feeds import AS_OF, AT, issues, row

pytestmark = pytest.mark.django_db

PROMOTION = {"promotion_ends_on": "2026-07-31", "price_after_promotion": "20.00"}


def changes() -> list[tuple]:
    rows = PriceChange.objects.order_by("effective_on")
    return list(
        rows.values_list("effective_on", "price", "reason", "price_before", "yearly_value_before")
    )


def test_new_price_of_a_feed_keeps_what_was_until_then(take_in_rows):
    take_in_rows(row(price="10.00"))
    assert PriceChange.objects.count() == 0

    take_in_rows(row(price="12.00"))
    take_in_rows(row(price="13.00"))
    take_in_rows(row(price="150.00", billing_period_months="12"), as_of=date(2026, 7, 1))

    assert changes() == [
        (AS_OF, Decimal(13), "feed", Decimal(10), Decimal(120)),
        (date(2026, 7, 1), Decimal(150), "feed", Decimal(13), Decimal(156)),
    ]
    assert set(PriceChange.objects.values_list("applied_at", flat=True)) == {AT}
    assert Contract.objects.get().yearly_value == 150


def test_money_of_past_days_stays_what_it_was_when_a_trial_converts_or_the_currency_changes(
    take_in_rows, settings
):
    settings.CXCRM_REPORTING_CURRENCY = "EUR"
    terms = {"price": "10.00", "renewal_price": ""}
    steps = [
        (AS_OF, {"is_trial": "true", "currency": "USD"}),
        (date(2026, 7, 1), {"is_trial": "false", "currency": "USD"}),
        (date(2026, 8, 1), {"is_trial": "false", "currency": "CHF"}),
        (date(2026, 9, 1), {"is_trial": "true", "currency": "CHF"}),
    ]

    for day, changes_of_day in steps:
        take_in_rows(row(**terms | changes_of_day), as_of=day)

    account = Contract.objects.get().account
    months = [date(2026, 6, 30), date(2026, 7, 31), date(2026, 8, 31), date(2026, 9, 1)]
    assert [
        [
            (line.currency, line.arr)
            for line in revenue_of(account, on=day, today=months[-1]).by_currency
        ]
        for day in months
    ] == [[], [("USD", 120)], [("CHF", 120)], []]
    recompute_revenue(since=months[0], until=months[-1], at=instant_on(date(2026, 9, 2)))
    figures = DailyRevenue.objects.filter(day__in=months).order_by("day")
    assert list(figures.values_list("day", "currency", "arr")) == [
        (months[1], "USD", 120),
        (months[2], "CHF", 120),
    ]


def test_announced_price_of_the_day_counts_more_than_that_of_the_feed(take_in_rows):
    take_in_rows(row(price="10.00"))
    PriceChange.objects.create(
        contract=Contract.objects.get(),
        effective_on=AS_OF,
        price=11,
        reason="announced",
        created_at=AT,
    )

    run = take_in_rows(row(price="12"))
    agreeing = take_in_rows(row(price="11"))
    run_due_work(at=AT)

    assert issues(run) == [(2, "price", "the feed says 12; what counts since 2026-06-01: 11.00")]
    assert (run.contradictions, run.rows_refused) == (1, 0)
    assert issues(agreeing) == []
    assert Contract.objects.get().price == 11
    assert changes() == [(AS_OF, Decimal(11), "announced", Decimal(10), Decimal(120))]


def test_feed_of_a_day_before_a_renewal_does_not_undo_it(take_in_rows):
    """A nightly feed, dated the day before, comes after the clock has renewed."""
    contract = row(starts_on="2025-06-01", price="10", renewal_price="12", reminded_on="2026-04-15")
    take_in_rows(contract, as_of=date(2026, 5, 20), at=instant_on(date(2026, 5, 20)))
    run_due_work(at=AT)
    renewed = Contract.objects.values().get()
    assert (renewed["price"], renewed["renewal_date"]) == (12, date(2027, 6, 1))
    kept = changes()

    run = take_in_rows(contract | {"notice_days": "3"}, as_of=date(2026, 5, 31))
    run_due_work(at=AT + timedelta(hours=1))

    assert Contract.objects.values().get() == renewed | {
        "notice_days": 3,
        "notice_deadline": renewed["notice_deadline"] - timedelta(days=3),
        "remind_on": renewed["remind_on"],
    }
    assert changes() == kept == [(AS_OF, Decimal(12), "renewal", Decimal(10), Decimal(120))]
    assert issues(run) == [
        (2, "price", "the feed says 10; what counts since 2026-06-01: 12.00"),
        (2, "renewal_price", "the feed says 12; what counts since 2026-06-01: nothing"),
    ]
    renewals = TimelineEvent.objects.filter(kind="contract_renewed")
    assert renewals.count() == 1


def test_feed_of_a_day_before_the_end_of_a_promotion_does_not_undo_it(take_in_rows):
    contract = row(
        price="10", renewal_price="", promotion_ends_on="2026-05-31", price_after_promotion="20"
    )
    take_in_rows(contract, as_of=date(2026, 5, 20), at=instant_on(date(2026, 5, 20)))
    run_due_work(at=AT)

    run = take_in_rows(contract, as_of=date(2026, 5, 31))
    run_due_work(at=AT + timedelta(hours=1))

    assert Contract.objects.get().price == 20
    assert changes() == [(AS_OF, Decimal(20), "promotion_ends", Decimal(10), Decimal(120))]
    assert issues(run) == [(2, "price", "the feed says 10; what counts since 2026-06-01: 20.00")]


def test_feed_of_the_day_of_a_renewal_says_the_price_from_then_on(take_in_rows):
    contract = row(starts_on="2025-06-01", price="10", renewal_price="12", reminded_on="2026-04-15")
    take_in_rows(contract, as_of=date(2026, 5, 20), at=instant_on(date(2026, 5, 20)))
    run_due_work(at=AT)

    run = take_in_rows(contract | {"price": "13", "renewal_price": ""})

    assert Contract.objects.get().price == 13
    assert issues(run) == []


def test_price_after_a_promotion_is_planned_moved_and_forgotten(take_in_rows):
    take_in_rows(row(**PROMOTION))
    take_in_rows(row(**PROMOTION))
    assert changes() == [(date(2026, 8, 1), Decimal(20), "promotion_ends", None, None)]

    take_in_rows(row(promotion_ends_on="2026-08-31", price_after_promotion="21.00"))
    assert changes() == [(date(2026, 9, 1), Decimal(21), "promotion_ends", None, None)]

    take_in_rows(row())  # says nothing about it
    assert PriceChange.objects.count() == 1

    take_in_rows(row(promotion_ends_on="", price_after_promotion=""))
    assert changes() == []


def test_promotion_that_is_over_plans_nothing(take_in_rows):
    take_in_rows(row(promotion_ends_on="2026-05-31", price_after_promotion="20.00"))

    assert changes() == []


def test_price_after_a_promotion_leaves_an_announced_one_alone(take_in_rows):
    take_in_rows(row())
    PriceChange.objects.create(
        contract=Contract.objects.get(),
        effective_on=date(2026, 8, 1),
        price=30,
        reason="announced",
        created_at=AT,
    )

    take_in_rows(row(**PROMOTION))

    assert changes() == [(date(2026, 8, 1), Decimal(30), "announced", None, None)]


def test_promotion_needs_its_last_day_and_the_price_after_it(take_in_rows):
    run = take_in_rows(
        row(**PROMOTION | {"promotion_ends_on": ""}),
        row(**PROMOTION | {"price_after_promotion": ""}, contract_number="V2"),
    )

    assert issues(run) == [
        (2, "promotion_ends_on", "is missing, and there is a price_after_promotion"),
        (3, "price_after_promotion", "is missing, and there is a promotion_ends_on"),
    ]
