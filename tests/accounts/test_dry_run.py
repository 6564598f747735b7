"""The dry run beside the planner."""

from datetime import date, timedelta

import pytest

from accounts.enums import ReminderState
from accounts.models import Account, RenewalReminder
from accounts.selectors.policies import Outcome, dry_run
from accounts.services.due_work import run_due_work
from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from tests.factories import AccountFactory, ContactFactory, ContractFactory, ProductFactory, cancel

pytestmark = pytest.mark.django_db

RENEWAL = date(2027, 1, 15)  # of the factory's contract
DAY = timedelta(days=1)
NOW = instant_on(date(2026, 6, 2))


@pytest.fixture
def many() -> list[Account]:
    accounts = []
    for place in (
        {"country": "DE"},
        {"country": "FR", "customer_kind": "consumer"},
        {"country": "US", "region": "CA"},
    ):
        account = AccountFactory(time_zone="UTC", **place)
        if place["country"] != "FR":
            ContactFactory(account=account)
        accounts.append(account)
        for family in ("hosting", "domain"):
            product = ProductFactory(brand=account.brand, family=family)
            for number, (start, term, notice) in enumerate(
                [
                    (date(2025, 8, 31), 6, (0, 14)),
                    (date(2026, 1, 31), 3, (0, 0)),
                    (date(2025, 10, 15), 12, (1, 0)),
                    (date(2025, 12, 31), 12, (3, 0)),
                    (date(2026, 2, 28), 12, (0, 30)),
                ]
            ):
                contract = ContractFactory(
                    account=account,
                    product=product,
                    starts_on=start,
                    first_term_months=term,
                    renewal_term_months=term,
                    notice_months=notice[0],
                    notice_days=notice[1],
                    at=NOW,
                )
                if number == 2:
                    cancel(contract, contract.renewal_date - DAY)
    return accounts


def test_dry_run_tells_what_the_planner_does_day_after_day(many):
    """For each day of half a year, seen from its first; then those days are lived through."""
    today = date(2026, 6, 3)
    days = [today + timedelta(days=n) for n in range(1, 190)]
    run_due_work(at=instant_on(today))
    told = {
        (day, row.contract_id, row.step, row.outcome, row.is_clash, row.renewal_date)
        for day in days
        for row in dry_run(on=day, today=today, limit=100).rows
    }

    for day in days:
        run_due_work(at=instant_on(day))

    outcomes = {ReminderState.PLANNED: Outcome.MAIL}
    done = {
        (
            row.decided_on,
            row.contract_id,
            row.step,
            outcomes.get(row.state) or Outcome(row.state),
            row.is_clash,
            row.renewal_date,
        )
        for row in RenewalReminder.objects.filter(decided_on__gt=today)
    }
    assert told == done
    assert len(done) > 30


def test_dry_run_of_today_tells_what_is_outstanding_and_changes_nothing(many):
    today = date(2026, 12, 20)
    at = instant_on(today)
    told = dry_run(on=today, today=today, limit=200)
    rows, counts = told.rows, told.counts
    assert RenewalReminder.objects.count() == 0

    plan_renewal_reminders(at=at)

    done = RenewalReminder.objects.values_list("contract_id", "step", "state")
    states = {
        Outcome.MAIL: ReminderState.PLANNED,
        Outcome.LATE_MAIL: ReminderState.PLANNED,
    }
    assert sorted(
        (row.contract_id, row.step, str(states.get(row.outcome, row.outcome))) for row in rows
    ) == sorted(done)
    assert sum(counts.by_outcome.values()) == len(rows) > 10
    assert counts.clashes == sum(row.is_clash for row in rows)


def test_dry_run_goes_on_behind_a_row_and_keeps_to_a_brand(many):
    today = date(2026, 12, 20)
    whole = dry_run(on=today, today=today, limit=200).rows

    first = dry_run(on=today, today=today, limit=3).rows
    rest = dry_run(on=today, today=today, after=first[-1].key, limit=200).rows
    of_brand = dry_run(on=today, today=today, brand_id=many[0].brand_id, limit=200).rows

    assert first + rest == whole
    assert {row.account_id for row in of_brand} == {many[0].pk}
    assert [row for row in whole if row.account_id == many[0].pk] == of_brand


def test_dry_run_says_why():
    account = AccountFactory(country="US", region="NY", customer_kind="consumer")
    ContactFactory(account=account)
    ContractFactory(account=account, notice_months=0)

    [row] = dry_run(on=RENEWAL - timedelta(days=45), today=date(2026, 6, 2), limit=10).rows

    assert (row.outcome, row.policy_name, row.step, row.language) == (
        Outcome.MAIL,
        "Everybody else",
        1,
        "en",
    )
    assert row.reasons == [
        "All customers",
        "45 days before the renewal date, at least 10 days to decide",
    ]
