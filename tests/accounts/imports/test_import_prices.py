from datetime import date
from decimal import Decimal

import pytest

from accounts.models import Contract, PriceChange
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


def test_announced_price_of_the_day_comes_in_force_with_the_feed(take_in_rows):
    take_in_rows(row(price="10.00"))
    PriceChange.objects.create(
        contract=Contract.objects.get(),
        effective_on=AS_OF,
        price=11,
        reason="announced",
        created_at=AT,
    )

    take_in_rows(row(price="12.00"))

    assert changes() == [(AS_OF, Decimal(12), "feed", Decimal(10), Decimal(120))]


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
