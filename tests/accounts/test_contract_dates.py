"""Renewal date, current term and reminder day against a slow reference that counts in loops."""

from datetime import UTC, date, datetime, timedelta

import pytest
from dateutil.relativedelta import relativedelta
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.enums import AfterTerm, ContractState, ReminderState
from accounts.models import Contract, RenewalReminder
from accounts.sql.contract_dates import refresh_contract_dates, refresh_contract_dates_of
from tests.factories import AccountFactory, ContractFactory, ProductFactory

pytestmark = pytest.mark.django_db
AT = datetime(2026, 6, 1, 10, tzinfo=UTC)


def reference_dates(
    *, starts_on, first_term, renewal_term, notice_months, notice_days, ends_on, day
):
    """(renewal date, months of the term that it ends, notice deadline, remind on)."""
    months, term = first_term, first_term
    while months is not None and starts_on + relativedelta(months=months) <= day:
        months = months + renewal_term if renewal_term else None
        term = renewal_term
    if months is None:
        return None, None, None, None
    renewal_date = starts_on + relativedelta(months=months)
    if ends_on and ends_on < renewal_date:
        return None, term, None, None
    notice = relativedelta(months=notice_months)
    deadline = renewal_date - notice - timedelta(days=notice_days) - timedelta(days=1)
    remind_on = min(renewal_date - timedelta(days=45), deadline - timedelta(days=10))
    if ends_on or term * 30 < 90:
        remind_on = None
    return renewal_date, term, deadline, remind_on


@pytest.fixture
def contract():
    return ContractFactory()


DATES = st.dates(date(2019, 1, 1), date(2033, 12, 31)) | st.sampled_from(
    [date(2023, 1, 31), date(2024, 2, 29), date(2025, 8, 31), date(2026, 12, 31)]
)


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    starts_on=DATES,
    day=DATES,
    first_term=st.none() | st.sampled_from([1, 2, 3, 6, 12, 13, 24]),
    renewal_term=st.none() | st.sampled_from([1, 3, 12, 24]),
    notice_months=st.sampled_from([0, 1, 3]),
    notice_days=st.sampled_from([0, 14, 30]),
    end_after=st.none() | st.integers(0, 2000),
)
def test_dates_equal_the_slow_reference(
    contract, starts_on, day, first_term, renewal_term, notice_months, notice_days, end_after
):
    if first_term is None:
        renewal_term = None
    ends_on = None if end_after is None else starts_on + timedelta(days=end_after)
    Contract.objects.filter(pk=contract.pk).update(
        starts_on=starts_on,
        first_term_months=first_term,
        renewal_term_months=renewal_term,
        after_term=AfterTerm.RENEWS if renewal_term else AfterTerm.OPEN_ENDED,
        notice_months=notice_months,
        notice_days=notice_days,
        ends_on=ends_on,
    )

    refresh_contract_dates(contract_ids=[contract.pk], on=day, at=AT)

    contract.refresh_from_db()
    assert (
        contract.renewal_date,
        contract.term_months,
        contract.notice_deadline,
        contract.remind_on,
    ) == reference_dates(
        starts_on=starts_on,
        first_term=first_term,
        renewal_term=renewal_term,
        notice_months=notice_months,
        notice_days=notice_days,
        ends_on=ends_on,
        day=day,
    )


def test_every_renewal_date_of_seven_years_is_reminded_of_45_days_before():
    account = AccountFactory()
    product = ProductFactory(brand=account.brand)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(7 * 365 + 2)]
    Contract.objects.bulk_create(
        Contract(
            brand=account.brand,
            account=account,
            product=product,
            external_id=str(day),
            state=ContractState.ORDERED,
            concluded_on=day - relativedelta(months=48),
            starts_on=day - relativedelta(months=48),
            first_term_months=48,
            after_term=AfterTerm.RENEWS,
            renewal_term_months=12,
            notice_months=1,
            price=1,
            currency="EUR",
            billing_period_months=1,
        )
        for day in days
    )

    refresh_contract_dates(contract_ids=None, on=date(2020, 1, 1), at=AT)

    found = dict(Contract.objects.values_list("renewal_date", "remind_on"))
    assert found == {day: day - timedelta(days=45) for day in days}
    assert found[date(2028, 4, 14)] == date(2028, 2, 29)
    assert found[date(2027, 2, 14)] == date(2026, 12, 31)


def test_notice_deadline_is_the_day_before_the_notice_period():
    contract = ContractFactory(starts_on=date(2026, 1, 15), notice_months=1)

    assert contract.renewal_date == date(2027, 1, 15)
    assert contract.notice_deadline == date(2026, 12, 14)


def test_day_is_the_day_in_the_zone_of_the_account():
    berlin = ContractFactory(account__time_zone="Europe/Berlin", starts_on=date(2026, 4, 12))
    angeles = ContractFactory(account__time_zone="America/Los_Angeles", starts_on=date(2026, 4, 12))
    just_after_midnight_in_berlin = datetime(2027, 4, 11, 22, 15, tzinfo=UTC)

    refresh_contract_dates(contract_ids=None, at=just_after_midnight_in_berlin)

    berlin.refresh_from_db()
    angeles.refresh_from_db()
    assert berlin.renewal_date == date(2028, 4, 12)
    assert angeles.renewal_date == date(2027, 4, 12)


def test_decided_reminder_takes_the_day_away():
    contract = ContractFactory(starts_on=date(2026, 1, 15))
    assert contract.remind_on == date(2026, 12, 1)
    RenewalReminder.objects.create(
        contract=contract,
        renewal_date=contract.renewal_date,
        step=1,
        state=ReminderState.HELD,
        due_on=contract.remind_on,
        decided_on=contract.remind_on,
        decided_at=AT,
    )

    assert refresh_contract_dates(contract_ids=[contract.pk], at=AT) == 1

    contract.refresh_from_db()
    assert contract.remind_on is None


def test_refresh_writes_only_what_changes():
    ContractFactory()

    assert refresh_contract_dates(contract_ids=None, at=AT) == 0


# --- How it is read


def plan_of(refresh) -> str:
    """The plan of the statement that writes the dates, under the settings that it ran with."""
    with CaptureQueriesContext(connection) as asked:
        refresh()
    plan = []
    with connection.cursor() as cursor:
        for query in asked.captured_queries:
            if query["sql"].startswith("SET LOCAL"):
                cursor.execute(query["sql"])
            elif "WITH dates" in query["sql"] and not plan:
                cursor.execute("EXPLAIN " + query["sql"])
                plan = [line for (line,) in cursor.fetchall()]
    return "\n".join(plan)


def test_dates_are_computed_once_before_they_are_compared(contract):
    plan = plan_of(lambda: refresh_contract_dates(contract_ids=[contract.pk], at=AT))

    assert plan.count("CTE dates") == 1
    assert plan.count("CTE Scan on dates") == 1


def test_import_of_a_few_contracts_does_not_read_all(contract):
    first = Contract.objects.get()
    Contract.objects.bulk_create(
        Contract(
            brand=first.brand,
            account=first.account,
            product=first.product,
            external_id=str(number),
            state=ContractState.ORDERED,
            concluded_on=first.starts_on,
            starts_on=first.starts_on,
            after_term=AfterTerm.OPEN_ENDED,
            price=1,
            currency="EUR",
            billing_period_months=1,
        )
        for number in range(3_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE few_touched (id bigint PRIMARY KEY) ON COMMIT DROP")
        cursor.execute("INSERT INTO few_touched VALUES (%s)", [first.pk])
        cursor.execute("ANALYZE few_touched")
        cursor.execute("ANALYZE accounts_contract")

    plan = plan_of(lambda: refresh_contract_dates_of(table="few_touched", as_of=AT.date(), at=AT))

    assert "Seq Scan on accounts_contract" not in plan
