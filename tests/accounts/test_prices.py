"""Prices that change on their day: announced, or at the end of a promotion."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from accounts.enums import CancellationKind, PriceChangeReason, TimelineKind
from accounts.models import Contract, PriceChange
from accounts.selectors.prices import (
    PriceAhead,
    next_price,
    price_to_pay,
    prices_ahead,
    with_next_price_change,
)
from accounts.services.cancellations import cancel_contract
from accounts.services.contracts import ContractIsOver, advance_contracts
from accounts.services.prices import (
    PriceChangeRefused,
    announce_price_change,
    call_off_price_change,
)
from cxcrm.base.clock import instant_on
from tests.accounts.pricing import (
    AUGUST,
    JULY,
    RENEWAL,
    TODAY,
    announce,
    kept,
    noted,
    price_of,
    promise,
)
from tests.factories import NOW, AccountFactory, ContractFactory, UserFactory


@pytest.mark.django_db
def test_announced_price_comes_in_force_on_its_day_once():
    contract = ContractFactory()
    agent = UserFactory()
    announce(contract, "12.50", JULY, actor=agent)

    advance_contracts(at=instant_on(JULY - timedelta(days=1)))
    assert price_of(contract) == Decimal(10)
    for _run in range(3):
        advance_contracts(at=instant_on(JULY))

    assert price_of(contract) == Decimal("12.50")
    assert kept(contract) == [(JULY, Decimal("12.50"), Decimal(10), Decimal(120))]
    facts = {"effective_on": "2026-07-01", "price": "12.50", "currency": "EUR"}
    assert noted(contract, TimelineKind.PRICE_CHANGE_ANNOUNCED) == [facts]
    assert noted(contract, TimelineKind.PRICE_CHANGED) == [
        facts | {"price_before": "10.00", "reason": "announced"}
    ]
    assert contract.timeline.get(kind=TimelineKind.PRICE_CHANGE_ANNOUNCED).actor == agent


@pytest.mark.django_db
def test_price_changes_with_the_customers_own_day():
    contract = ContractFactory(account=AccountFactory(time_zone="America/Los_Angeles"))
    announce(contract, "12.50", JULY)
    midnight_there = datetime(2026, 7, 1, 7, tzinfo=UTC)

    advance_contracts(at=midnight_there - timedelta(minutes=1))
    assert price_of(contract) == Decimal(10)
    advance_contracts(at=midnight_there)
    assert price_of(contract) == Decimal("12.50")


@pytest.mark.django_db
def test_changes_that_were_missed_are_applied_in_turn():
    contract = ContractFactory()
    announce(contract, "12", JULY)
    announce(contract, "15", AUGUST)

    counts = advance_contracts(at=instant_on(date(2026, 9, 1)))

    assert counts["repriced"] == 2
    assert price_of(contract) == Decimal(15)
    assert kept(contract) == [
        (JULY, Decimal(12), Decimal(10), Decimal(120)),
        (AUGUST, Decimal(15), Decimal(12), Decimal(144)),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("price", "tax_rate", "to_pay"),
    [("3.50", "19", "4.17"), ("0.50", "19", "0.60"), ("1.50", "7", "1.61"), ("10", "0", "10.00")],
)
def test_consumer_pays_half_a_cent_rounded_up(price, tax_rate, to_pay):
    account = AccountFactory(customer_kind="consumer")
    contract = Contract(account=account, tax_rate=Decimal(tax_rate))

    assert price_to_pay(contract, Decimal(price)) == Decimal(to_pay)


@pytest.mark.django_db
def test_change_of_a_contract_that_is_over_by_then_is_removed():
    contract = ContractFactory()
    announce(contract, "12", JULY)
    cancel_contract(
        contract_id=contract.pk,
        kind=CancellationKind.EXTRAORDINARY,
        received_at=NOW,
        effective_on=date(2026, 6, 15),
        at=NOW,
    )

    advance_contracts(at=instant_on(AUGUST))

    assert price_of(contract) == Decimal(10)
    assert not PriceChange.objects.exists()


@pytest.mark.django_db
def test_change_that_came_before_a_missed_end_is_kept_for_the_money_of_those_days():
    contract = ContractFactory()
    announce(contract, "12", JULY)
    cancel_contract(
        contract_id=contract.pk,
        kind=CancellationKind.EXTRAORDINARY,
        received_at=NOW,
        effective_on=date(2026, 7, 15),
        at=NOW,
    )

    advance_contracts(at=instant_on(AUGUST))

    assert kept(contract) == [(JULY, Decimal(12), Decimal(10), Decimal(120))]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"price": Decimal(-1)}, "price"),
        ({"price": Decimal("NaN")}, "price"),
        ({"price": Decimal("12.345")}, "price"),
        ({"price": Decimal("12E10")}, "price"),
        ({"price": Decimal(10)}, "price"),
        ({"effective_on": TODAY}, "effective_on"),
        ({"announced_on": TODAY + timedelta(days=1)}, "announced_on"),
    ],
)
def test_announcement_is_refused_naming_the_field(details, field):
    contract = ContractFactory()
    terms = {"price": Decimal(12), "effective_on": JULY, "announced_on": TODAY} | details

    with pytest.raises(PriceChangeRefused) as refused:
        announce_price_change(contract_id=contract.pk, at=NOW, **terms)

    assert refused.value.field == field
    assert not PriceChange.objects.exists()
    assert noted(contract, TimelineKind.PRICE_CHANGE_ANNOUNCED) == []


@pytest.mark.django_db
def test_second_change_on_a_day_and_one_behind_the_end_are_refused():
    contract = ContractFactory()
    announce(contract, "12", JULY)

    with pytest.raises(PriceChangeRefused) as twice:
        announce(contract, "13", JULY)
    cancel_contract(
        contract_id=contract.pk,
        kind=CancellationKind.ORDINARY,
        received_at=NOW,
        at=NOW,
    )
    with pytest.raises(PriceChangeRefused) as behind:
        announce(contract, "13", RENEWAL)

    assert (twice.value.field, behind.value.field) == ("effective_on", "effective_on")
    assert PriceChange.objects.count() == 1


@pytest.mark.django_db
def test_price_of_a_contract_that_is_over_does_not_change():
    contract = ContractFactory()
    cancel_contract(
        contract_id=contract.pk,
        kind=CancellationKind.EXTRAORDINARY,
        received_at=NOW,
        effective_on=TODAY,
        at=NOW,
    )
    advance_contracts(at=instant_on(TODAY + timedelta(days=1)))

    with pytest.raises(ContractIsOver):
        announce(contract, "12", JULY)


@pytest.mark.django_db
def test_announced_change_can_be_called_off_until_it_is_in_force():
    contract = ContractFactory()
    early, late = announce(contract, "12", JULY), announce(contract, "15", AUGUST)
    agent = UserFactory()

    call_off_price_change(price_change_id=late.pk, at=NOW, actor=agent)
    with pytest.raises(PriceChangeRefused):
        call_off_price_change(price_change_id=late.pk, at=NOW)
    advance_contracts(at=instant_on(AUGUST))
    with pytest.raises(PriceChangeRefused):
        call_off_price_change(price_change_id=early.pk, at=NOW)

    assert price_of(contract) == Decimal(12)
    assert noted(contract, TimelineKind.PRICE_CHANGE_CALLED_OFF) == [
        {"effective_on": "2026-08-01", "price": "15.00", "currency": "EUR"}
    ]


@pytest.mark.django_db
def test_end_of_a_promotion_is_agreed_and_not_called_off():
    change = promise(ContractFactory(), "12", JULY)

    with pytest.raises(PriceChangeRefused):
        call_off_price_change(price_change_id=change.pk, at=NOW)

    assert PriceChange.objects.get() == change


@pytest.mark.django_db
def test_next_price_is_the_earliest_of_change_and_renewal():
    contract = ContractFactory(renewal_price=Decimal(20))
    renewal = PriceAhead(Decimal(20), RENEWAL, PriceChangeReason.RENEWAL)
    assert prices_ahead(contract) == [renewal]

    announce(contract, "15", date(2027, 3, 1))
    promise(contract, "12", JULY)
    promise(contract, "13", RENEWAL)

    july = PriceAhead(Decimal(12), JULY, PriceChangeReason.PROMOTION_ENDS)
    march = PriceAhead(Decimal(15), date(2027, 3, 1), PriceChangeReason.ANNOUNCED)
    assert prices_ahead(contract) == [july, renewal, march]
    assert next_price(with_next_price_change(Contract.objects.all()).get()) == [july]


@pytest.mark.django_db
def test_nothing_is_ahead_of_a_contract_that_ends_before():
    contract = ContractFactory(renewal_price=Decimal(20))
    promise(contract, "12", RENEWAL)
    cancel_contract(
        contract_id=contract.pk, kind=CancellationKind.ORDINARY, received_at=NOW, at=NOW
    )

    shown = with_next_price_change(Contract.objects.all()).get()
    assert (next_price(shown), prices_ahead(shown)) == ([], [])


@pytest.mark.django_db(transaction=True)
def test_two_runs_beside_each_other_apply_each_change_once():
    contracts = [ContractFactory() for _number in range(20)]
    for contract in contracts:
        announce(contract, "12", JULY)
        announce(contract, "15", AUGUST)

    def run(_number: int) -> int:
        try:
            return advance_contracts(at=instant_on(AUGUST))["repriced"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        applied = sum(pool.map(run, range(4)))
    applied += advance_contracts(at=instant_on(AUGUST))["repriced"]

    assert applied == 40
    for contract in contracts:
        assert price_of(contract) == Decimal(15)
        assert [before for _day, _price, before, _value in kept(contract)] == [10, 12]
        assert len(noted(contract, TimelineKind.PRICE_CHANGED)) == 2
