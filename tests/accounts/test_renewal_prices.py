"""A contract renews once on its day, at the price that is agreed for it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.enums import AfterTerm, PriceChangeReason, TimelineKind
from accounts.models import Contract, PriceChange
from accounts.selectors.prices import PriceAhead, next_price, prices_ahead, with_next_price_change
from accounts.selectors.revenue import revenue_of
from accounts.services.due_work import run_due_work
from cxcrm.base.clock import instant_on
from tests.accounts.pricing import JULY, RENEWAL, TODAY, announce, kept, noted, price_of, promise
from tests.factories import ContactFactory, ContractFactory


@pytest.mark.django_db
def test_after_an_outage_a_renewals_price_and_later_changes_come_in_turn():
    contract = ContractFactory(renewal_price=Decimal(20))
    for price, day in (("12", JULY), ("25", RENEWAL + timedelta(days=5))):
        announce(contract, price, day)

    run_due_work(at=instant_on(RENEWAL + timedelta(days=30)))

    assert price_of(contract) == Decimal(25)
    assert [(price, before) for _day, price, before, _value in kept(contract)] == [
        (Decimal(12), Decimal(10)),
        (Decimal(20), Decimal(12)),
        (Decimal(25), Decimal(20)),
    ]


@pytest.mark.django_db
def test_renewal_keeps_the_price_that_it_ends():
    contract = ContractFactory(renewal_price=Decimal(12), billing_period_months=3)

    run_due_work(at=instant_on(RENEWAL))

    assert price_of(contract) == Decimal(12)
    assert kept(contract) == [(RENEWAL, Decimal(12), Decimal(10), Decimal(40))]
    assert PriceChange.objects.get().reason == PriceChangeReason.RENEWAL
    [facts] = noted(contract, TimelineKind.PRICE_CHANGED)
    assert facts["price_before"] == "10.00"


@pytest.mark.django_db
@pytest.mark.parametrize("promotion_runs", ["before", "after"])
def test_promotion_that_ends_on_the_day_of_the_renewal_yields_to_its_price(promotion_runs):
    contract = ContractFactory(renewal_price=Decimal(20))
    if promotion_runs == "before":
        promise(contract, "14", RENEWAL)
        run_due_work(at=instant_on(RENEWAL))
    else:
        run_due_work(at=instant_on(RENEWAL))

    assert price_of(contract) == Decimal(20)
    assert kept(contract) == [(RENEWAL, Decimal(20), Decimal(10), Decimal(120))]


@pytest.mark.django_db
@pytest.mark.parametrize("day", [RENEWAL, RENEWAL + timedelta(days=40)])
def test_price_announced_for_the_day_of_the_renewal_counts_instead_of_its_price(day):
    contract = ContractFactory(renewal_price=Decimal(20))
    announce(contract, "17", RENEWAL)
    announced = PriceAhead(Decimal(17), RENEWAL, PriceChangeReason.ANNOUNCED)
    assert prices_ahead(contract) == [announced]
    assert next_price(with_next_price_change(Contract.objects.all()).get()) == [announced]
    [then] = revenue_of(contract.account, on=RENEWAL, today=TODAY).by_currency
    assert then.arr == 17 * 12

    run_due_work(at=instant_on(day))

    contract.refresh_from_db()
    assert (contract.price, contract.renewal_price) == (17, None)
    assert kept(contract) == [(RENEWAL, Decimal(17), Decimal(10), Decimal(120))]
    assert contract.price_changes.get().reason == PriceChangeReason.ANNOUNCED
    [facts] = noted(contract, TimelineKind.PRICE_CHANGED)
    assert (facts["price_before"], facts["price"], facts["reason"]) == (
        "10.00",
        "17.00",
        "announced",
    )
    assert len(noted(contract, TimelineKind.CONTRACT_RENEWED)) == 1


@pytest.mark.django_db
def test_after_an_outage_of_years_each_renewal_is_noted_once_with_its_own_date():
    contract = ContractFactory(renewal_price=Decimal(20))
    announce(contract, "25", date(2027, 6, 1))
    rolling = ContractFactory(
        starts_on=date(2026, 5, 10), first_term_months=1, renewal_term_months=1, notice_months=0
    )

    for _run in range(2):
        run_due_work(at=instant_on(date(2029, 2, 1)))

    renewed = [facts["renewed_on"] for facts in noted(contract, TimelineKind.CONTRACT_RENEWED)]
    assert renewed == ["2027-01-15", "2028-01-15", "2029-01-15"]
    contract.refresh_from_db()
    assert (contract.renewal_date, contract.price) == (date(2030, 1, 15), 25)
    assert [(day, price) for day, price, *_before in kept(contract)] == [
        (RENEWAL, 20),
        (date(2027, 6, 1), 25),
    ]
    rolling.refresh_from_db()
    assert rolling.renewal_date == date(2029, 2, 10)


@pytest.mark.django_db
@pytest.mark.parametrize("reminded", [False, True])
def test_of_renewals_that_were_missed_the_newest_alone_becomes_a_task(reminded):
    contract = ContractFactory(account=ContactFactory().account)
    if reminded:
        run_due_work(at=instant_on(date(2026, 12, 2)))

    for _run in range(2):
        run_due_work(at=instant_on(date(2029, 2, 1)))

    assert ["2029-01-15" in task.title for task in contract.tasks.all()] == [True]
    reminders = contract.reminders.order_by("renewal_date").values_list("renewal_date", "state")
    assert list(reminders) == [
        (date(2027, 1, 15), "planned" if reminded else "too_late"),
        (date(2028, 1, 15), "too_late"),
        (date(2029, 1, 15), "too_late"),
    ]


@pytest.mark.django_db
def test_promotion_that_ends_on_the_day_of_the_renewal_ends_where_no_price_is_agreed_for_it():
    contract = ContractFactory()
    promise(contract, "14", RENEWAL)

    run_due_work(at=instant_on(RENEWAL))
    run_due_work(at=instant_on(RENEWAL))

    assert price_of(contract) == Decimal(14)
    assert len(noted(contract, TimelineKind.CONTRACT_RENEWED)) == 1


TERMS = {
    "fixed": ({}, [RENEWAL, date(2028, 1, 15)], TimelineKind.CONTRACT_RENEWED),
    "turns open-ended": (
        {"after_term": AfterTerm.OPEN_ENDED, "renewal_term_months": None},
        [RENEWAL],
        TimelineKind.CONTRACT_TURNED_OPEN_ENDED,
    ),
    "open-ended": (
        {
            "first_term_months": None,
            "after_term": AfterTerm.OPEN_ENDED,
            "renewal_term_months": None,
        },
        [],
        None,
    ),
    "rolling": ({"first_term_months": 1, "renewal_term_months": 1, "notice_months": 0}, [], None),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("terms", "renewals", "kind"), TERMS.values(), ids=TERMS)
def test_contract_renews_once_on_each_renewal_date_whatever_its_terms(terms, renewals, kind):
    contract = ContractFactory(**terms)
    day, until = date(2026, 12, 20), date(2028, 2, 1)

    while day < until:
        run_due_work(at=instant_on(day))
        run_due_work(at=instant_on(day) + timedelta(hours=1))
        day += timedelta(days=1)

    kinds = (TimelineKind.CONTRACT_RENEWED, TimelineKind.CONTRACT_TURNED_OPEN_ENDED)
    events = contract.timeline.filter(kind__in=kinds).order_by("id")
    assert [(event.kind, event.facts["renewed_on"]) for event in events] == [
        (kind, str(day)) for day in renewals
    ]


@pytest.mark.django_db
def test_rolling_contract_takes_the_price_of_its_renewal():
    contract = ContractFactory(
        starts_on=date(2026, 5, 10),
        first_term_months=1,
        renewal_term_months=1,
        notice_months=0,
        renewal_price=Decimal(11),
    )

    run_due_work(at=instant_on(date(2026, 6, 10)))

    assert price_of(contract) == Decimal(11)
    assert kept(contract) == [(date(2026, 6, 10), Decimal(11), Decimal(10), Decimal(120))]
