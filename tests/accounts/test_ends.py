"""The earliest end of a contract: every case in a table, and against a slow reference."""

from datetime import UTC, date, datetime, timedelta

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.enums import AfterTerm, CancellationKind
from accounts.models import Contract
from accounts.rules.ends import (
    Terms,
    bounds_of_decision,
    earliest_end,
    end_if_cancelled,
    may_withdraw,
    notice_deadline,
    renewal_date_after,
    terms_of,
)
from accounts.services.contracts import day_of
from accounts.sql.contract_dates import refresh_contract_dates
from tests.factories import NOW, AccountFactory, ContractFactory

RENEWS, OPEN_ENDED = AfterTerm.RENEWS, AfterTerm.OPEN_ENDED
ORDINARY = CancellationKind.ORDINARY
ONE_DAY = timedelta(days=1)


def terms(starts_on=date(2026, 1, 15), first=12, after=RENEWS, further=12, months=1, days=0):
    """A year from 15 January 2026 that renews by a year, with a month's notice."""
    return Terms(
        starts_on=starts_on,
        concluded_on=starts_on,
        first_term_months=first,
        after_term=after,
        renewal_term_months=further,
        notice_months=months,
        notice_days=days,
        is_consumer=False,
    )


FIXED = terms()
TURNS_OPEN = terms(after=OPEN_ENDED, further=None)
OPEN = terms(first=None, after=OPEN_ENDED, further=None)
ROLLING = terms(first=1, further=1, months=0)
LONG_NOTICE = terms(first=1, further=1, months=3)
DAYS_OF_NOTICE = terms(months=0, days=14)
MONTH_END = terms(starts_on=date(2026, 1, 31), first=1, further=1, months=0)
LEAP_DAY = terms(starts_on=date(2024, 2, 29), first=12, further=12, months=1)

CASES = {
    "by the deadline": (FIXED, date(2026, 12, 14), None, date(2027, 1, 14)),
    "long before the deadline": (FIXED, date(2026, 2, 1), None, date(2027, 1, 14)),
    "a day after the deadline": (FIXED, date(2026, 12, 15), None, date(2028, 1, 14)),
    "on the last day of the term": (FIXED, date(2027, 1, 14), None, date(2028, 1, 14)),
    "on the renewal date": (FIXED, date(2027, 1, 15), None, date(2028, 1, 14)),
    "in a later term": (FIXED, date(2031, 6, 1), None, date(2032, 1, 14)),
    "before the start: the first term counts": (FIXED, date(2025, 6, 1), None, date(2027, 1, 14)),
    "on the day of the start": (FIXED, date(2026, 1, 15), None, date(2027, 1, 14)),
    "wished earlier than possible": (FIXED, date(2026, 2, 1), date(2026, 5, 1), date(2027, 1, 14)),
    "wished for the day itself": (FIXED, date(2026, 2, 1), date(2027, 1, 14), date(2027, 1, 14)),
    "wished a day later": (FIXED, date(2026, 2, 1), date(2027, 1, 15), date(2028, 1, 14)),
    "wished in a later term": (FIXED, date(2026, 2, 1), date(2029, 3, 1), date(2030, 1, 14)),
    "turns open-ended, by the deadline": (TURNS_OPEN, date(2026, 12, 14), None, date(2027, 1, 14)),
    "turns open-ended, after the deadline": (
        TURNS_OPEN,
        date(2026, 12, 20),
        None,
        date(2027, 1, 20),
    ),
    "turns open-ended, on the last day of the term": (
        TURNS_OPEN,
        date(2027, 1, 14),
        None,
        date(2027, 2, 14),
    ),
    "turned open-ended": (TURNS_OPEN, date(2028, 5, 3), None, date(2028, 6, 3)),
    "turns open-ended, notice in days past the deadline": (
        terms(after=OPEN_ENDED, further=None, months=0, days=14),
        date(2027, 1, 1),
        None,
        date(2027, 1, 15),
    ),
    # 31 March + a month of notice is 30 April, which is sooner than the end of the term.
    "turns open-ended, never before the end of the term": (
        terms(date(2025, 5, 1), after=OPEN_ENDED, further=None),
        date(2026, 4, 1),
        None,
        date(2026, 5, 1),
    ),
    "turns open-ended, wished later": (
        TURNS_OPEN,
        date(2026, 2, 1),
        date(2027, 3, 3),
        date(2027, 3, 3),
    ),
    "turns open-ended, wished in the term": (
        TURNS_OPEN,
        date(2026, 2, 1),
        date(2026, 3, 3),
        date(2027, 1, 14),
    ),
    "open-ended": (OPEN, date(2026, 6, 1), None, date(2026, 7, 1)),
    "open-ended, at a month's end": (OPEN, date(2027, 1, 31), None, date(2027, 2, 28)),
    "open-ended, in a leap year": (OPEN, date(2028, 1, 31), None, date(2028, 2, 29)),
    "open-ended, wished later": (OPEN, date(2026, 6, 1), date(2026, 8, 9), date(2026, 8, 9)),
    "open-ended, wished too soon": (OPEN, date(2026, 6, 1), date(2026, 6, 9), date(2026, 7, 1)),
    "open-ended, without notice": (
        terms(first=None, after=OPEN_ENDED, further=None, months=0),
        date(2026, 6, 1),
        None,
        date(2026, 6, 1),
    ),
    "open-ended, before the start": (OPEN, date(2025, 11, 1), None, date(2026, 1, 15)),
    "open-ended, a month before the start": (OPEN, date(2026, 1, 2), None, date(2026, 2, 2)),
    "rolling": (ROLLING, date(2026, 6, 1), None, date(2026, 6, 14)),
    "rolling, on the last day": (ROLLING, date(2026, 6, 14), None, date(2026, 6, 14)),
    "rolling, on the renewal date": (ROLLING, date(2026, 6, 15), None, date(2026, 7, 14)),
    "rolling, wished in two years": (
        ROLLING,
        date(2026, 6, 1),
        date(2028, 6, 1),
        date(2028, 6, 14),
    ),
    "notice longer than the term, by the deadline": (
        LONG_NOTICE,
        date(2026, 6, 14),
        None,
        date(2026, 9, 14),
    ),
    "notice longer than the term, a day late": (
        LONG_NOTICE,
        date(2026, 6, 15),
        None,
        date(2026, 10, 14),
    ),
    "notice longer than the term, before the start": (
        LONG_NOTICE,
        date(2026, 1, 1),
        None,
        date(2026, 4, 14),
    ),
    "days of notice, by the deadline": (
        DAYS_OF_NOTICE,
        date(2026, 12, 31),
        None,
        date(2027, 1, 14),
    ),
    "days of notice, a day late": (DAYS_OF_NOTICE, date(2027, 1, 1), None, date(2028, 1, 14)),
    "from 31 January, first term": (MONTH_END, date(2026, 2, 1), None, date(2026, 2, 27)),
    "from 31 January, second term": (MONTH_END, date(2026, 2, 28), None, date(2026, 3, 30)),
    "from 31 January, third term": (MONTH_END, date(2026, 3, 31), None, date(2026, 4, 29)),
    "from a leap day": (LEAP_DAY, date(2024, 3, 1), None, date(2025, 2, 27)),
    "from a leap day, to the next": (LEAP_DAY, date(2027, 2, 1), None, date(2028, 2, 28)),
}


@pytest.mark.parametrize(("agreed", "received", "wished", "end"), CASES.values(), ids=CASES)
def test_ordinary_notice_ends_a_contract_on(agreed, received, wished, end):
    assert earliest_end(agreed, kind=ORDINARY, received_on=received, wished_on=wished) == end


@pytest.mark.parametrize("kind", [CancellationKind.EXTRAORDINARY, CancellationKind.SWITCH])
@pytest.mark.parametrize("wished", [None, date(2026, 9, 1)])
def test_of_extraordinary_notice_and_switches_an_agent_decides(kind, wished):
    assert earliest_end(FIXED, kind=kind, received_on=date(2026, 6, 1), wished_on=wished) is None


def test_withdrawal_takes_effect_on_the_day_that_it_is_received():
    day = date(2026, 1, 20)
    assert earliest_end(FIXED, kind=CancellationKind.WITHDRAWAL, received_on=day) == day


@pytest.mark.parametrize(
    ("is_consumer", "days", "possible"),
    [
        (True, 0, True),
        (True, 14, True),
        (True, 15, False),
        (True, -1, False),
        (False, 3, False),
    ],
)
def test_consumers_withdraw_within_14_days_of_the_conclusion(is_consumer, days, possible):
    concluded_on = date(2026, 2, 20)
    agreed = Terms(date(2026, 4, 1), concluded_on, 12, RENEWS, 12, 1, 0, is_consumer)

    assert may_withdraw(agreed, concluded_on + timedelta(days=days)) is possible


@pytest.mark.parametrize(
    ("kind", "wished", "last"),
    [
        (CancellationKind.SWITCH, None, date(2027, 2, 28)),
        (CancellationKind.SWITCH, date(2027, 2, 1), date(2027, 2, 28)),
        (CancellationKind.SWITCH, date(2027, 6, 1), date(2027, 6, 1)),
        (CancellationKind.EXTRAORDINARY, None, date(2036, 12, 31)),
    ],
)
def test_agents_decide_within_bounds(kind, wished, last):
    received = date(2026, 12, 31)
    bounds = bounds_of_decision(
        kind=kind, received_on=received, wished_on=wished, starts_on=date(2026, 1, 15)
    )
    assert bounds == (received, last)


def test_switch_of_a_contract_that_is_still_to_start_may_end_on_its_first_day():
    starts_on = date(2027, 6, 1)
    bounds = bounds_of_decision(
        kind=CancellationKind.SWITCH,
        received_on=date(2026, 12, 31),
        wished_on=None,
        starts_on=starts_on,
    )
    assert bounds == (starts_on, starts_on)


def slow_end(agreed: Terms, received: date, wished: date | None) -> date:
    """Walks the days from the first that could be one, and the terms one by one."""
    notice = relativedelta(months=agreed.notice_months, days=agreed.notice_days)
    last_days = set()
    open_from = agreed.starts_on if agreed.first_term_months is None else None
    if agreed.first_term_months is not None:
        months = agreed.first_term_months
        for _term in range(700):
            renewal = agreed.starts_on + relativedelta(months=months)
            deadline = (
                renewal
                - relativedelta(months=agreed.notice_months)
                - timedelta(days=agreed.notice_days)
                - ONE_DAY
            )
            if received <= deadline:
                last_days.add(renewal - ONE_DAY)
            if agreed.after_term == OPEN_ENDED:
                # From its last day on, or with notice of its own where the deadline was missed.
                open_from = renewal - ONE_DAY
                break
            months += agreed.renewal_term_months
    day = agreed.starts_on
    while True:
        noticed = received + notice <= day
        in_time = agreed.first_term_months is not None and bool(last_days)
        runs_open = open_from is not None and day >= open_from
        if (not wished or day >= wished) and (
            day in last_days or (runs_open and (noticed or in_time))
        ):
            return day
        day += ONE_DAY


DAYS = st.dates(date(2023, 1, 1), date(2029, 12, 31)) | st.sampled_from(
    [date(2023, 1, 31), date(2024, 2, 29), date(2025, 8, 31), date(2026, 12, 31), date(2028, 2, 29)]
)
AGREED = st.builds(
    terms,
    starts_on=DAYS,
    first=st.sampled_from([1, 2, 3, 6, 12, 13, 24]),
    after=st.just(RENEWS),
    further=st.sampled_from([1, 3, 12, 24]),
    months=st.sampled_from([0, 1, 3, 6]),
    days=st.sampled_from([0, 1, 14, 30, 60]),
) | st.builds(
    terms,
    starts_on=DAYS,
    first=st.none() | st.sampled_from([1, 2, 3, 6, 12, 13, 24]),
    after=st.just(OPEN_ENDED),
    further=st.none(),
    months=st.sampled_from([0, 1, 3, 6]),
    days=st.sampled_from([0, 1, 14, 30, 60]),
)


@settings(max_examples=1_000, deadline=None)
@given(agreed=AGREED, received=DAYS, wished_after=st.none() | st.integers(0, 900))
def test_earliest_end_equals_the_slow_reference(agreed, received, wished_after):
    wished = None if wished_after is None else received + timedelta(days=wished_after)

    found = earliest_end(agreed, kind=ORDINARY, received_on=received, wished_on=wished)

    assert found == slow_end(agreed, received, wished)


@settings(max_examples=300, deadline=None)
@given(agreed=AGREED, received=DAYS, days=st.integers(0, 400))
def test_who_gives_notice_later_never_leaves_sooner(agreed, received, days):
    sooner = earliest_end(agreed, kind=ORDINARY, received_on=received)
    later = earliest_end(agreed, kind=ORDINARY, received_on=received + timedelta(days=days))
    assert agreed.starts_on <= sooner <= later


@pytest.fixture
def contract(db):
    return ContractFactory()


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(agreed=AGREED, day=DAYS)
def test_sql_and_rule_agree_on_renewal_date_and_deadline(contract, agreed, day):
    Contract.objects.filter(pk=contract.pk).update(
        starts_on=agreed.starts_on,
        first_term_months=agreed.first_term_months,
        after_term=agreed.after_term,
        renewal_term_months=agreed.renewal_term_months,
        notice_months=agreed.notice_months,
        notice_days=agreed.notice_days,
    )
    refresh_contract_dates(contract_ids=[contract.pk], on=day, at=NOW)
    contract.refresh_from_db()

    renewal_date = renewal_date_after(agreed, day)

    assert renewal_date == contract.renewal_date
    deadline = renewal_date and notice_deadline(agreed, renewal_date)
    assert deadline == contract.notice_deadline


# 23:30 UTC on the days on which the clocks change, and what day it is then where they do.
SWITCH_DAYS = [
    ("Europe/Berlin", date(2026, 3, 29), date(2026, 3, 30)),
    ("Europe/Berlin", date(2026, 10, 25), date(2026, 10, 26)),
    ("America/Los_Angeles", date(2026, 3, 8), date(2026, 3, 8)),
    ("America/Los_Angeles", date(2026, 11, 1), date(2026, 11, 1)),
    ("Pacific/Auckland", date(2026, 4, 4), date(2026, 4, 5)),
    ("Pacific/Auckland", date(2026, 9, 26), date(2026, 9, 27)),
]


@pytest.mark.parametrize(("zone", "utc_day", "own_day"), SWITCH_DAYS)
def test_notice_lands_on_the_customers_own_day_when_clocks_change(zone, utc_day, own_day):
    account = AccountFactory.build(time_zone=zone, brand=None)
    at = datetime(utc_day.year, utc_day.month, utc_day.day, 23, 30, tzinfo=UTC)

    received_on = day_of(account, at)

    assert received_on == own_day
    without_notice = terms(first=None, after=OPEN_ENDED, further=None, months=0, days=7)
    end = earliest_end(without_notice, kind=ORDINARY, received_on=received_on)
    assert end == own_day + timedelta(days=7)


@pytest.mark.django_db
def test_end_is_told_of_living_contracts_without_an_end():
    contract = ContractFactory()
    assert end_if_cancelled(contract, on=date(2026, 6, 1)) == date(2027, 1, 14)

    contract.ends_on = date(2026, 8, 1)
    assert end_if_cancelled(contract, on=date(2026, 6, 1)) is None

    contract.ends_on, contract.state = None, "withdrawn"
    assert end_if_cancelled(contract, on=date(2026, 6, 1)) is None


@pytest.mark.django_db
def test_terms_of_a_contract_are_its_own():
    contract = ContractFactory(account__customer_kind="consumer", notice_days=3)
    assert terms_of(contract) == Terms(
        starts_on=date(2026, 1, 15),
        concluded_on=date(2026, 1, 15),
        first_term_months=12,
        after_term=RENEWS,
        renewal_term_months=12,
        notice_months=1,
        notice_days=3,
        is_consumer=True,
    )
