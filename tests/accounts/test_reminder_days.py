"""T01-T03: each reminder once, on the day that its country asks for, by an independent table."""

import ast
from datetime import UTC, date, datetime, timedelta
from itertools import product as combinations
from random import Random

import pytest
from dateutil.relativedelta import relativedelta

from accounts.enums import AfterTerm, ContractState, ReminderState, TaskOrigin
from accounts.models import Account, Contract, Product, RenewalReminder, Task
from accounts.services.due_work import run_due_work
from accounts.services.renewals import plan_renewal_reminders
from accounts.sql.contract_dates import refresh_contract_dates
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from tests.factories import AccountFactory, ContactFactory, ContractFactory, ProductFactory
from tests.journeys import country_reference
from tests.journeys.country_reference import (
    CALIFORNIA,
    EVERYBODY,
    FRENCH_CONSUMER,
    NOTICES,
    expected_reminder,
)

pytestmark = pytest.mark.django_db

DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(7 * 365 + 2)]
BEFORE_ALL = date(2020, 1, 1)
AT = instant_on(BEFORE_ALL)
PLACES = {
    EVERYBODY: {"country": "DE", "time_zone": "Europe/Berlin"},
    FRENCH_CONSUMER: {
        "country": "FR",
        "customer_kind": "consumer",
        "time_zone": "Europe/Paris",
    },
    CALIFORNIA: {"country": "US", "region": "CA", "time_zone": "America/Los_Angeles"},
}
TERM = relativedelta(months=48)


def test_reference_shares_no_code_with_cxcrm():
    with open(country_reference.__file__) as source:
        tree = ast.parse(source.read())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {node.module for node in imports} == {"calendar", "dataclasses", "datetime"}


def add_contracts(account: Account, product: Product) -> None:
    """One for each renewal date of seven years and each period of notice, in its first term."""
    Contract.objects.bulk_create(
        (
            Contract(
                brand=account.brand,
                account=account,
                product=product,
                external_id=f"{account.external_id}-{day}-{months}-{days}",
                state=ContractState.RUNNING,
                concluded_on=day - TERM,
                starts_on=day - TERM,
                first_term_months=48,
                after_term=AfterTerm.RENEWS,
                renewal_term_months=12,
                notice_months=months,
                notice_days=days,
                price=1,
                currency="EUR",
                billing_period_months=1,
            )
            for day, (months, days) in combinations(DAYS, NOTICES)
        ),
        batch_size=5_000,
    )


@pytest.mark.parametrize("who", PLACES)
def test_every_renewal_date_of_seven_years_has_its_day(who):
    account = AccountFactory(**PLACES[who])
    add_contracts(account, ProductFactory(brand=account.brand))

    refresh_contract_dates(contract_ids=None, on=BEFORE_ALL, at=AT)

    found = Contract.objects.values_list(
        "renewal_date", "notice_months", "notice_days", "notice_deadline", "remind_on"
    )
    wanted = {
        (day, *notice, expected.last_day_to_cancel, expected.day)
        for day, notice in combinations(DAYS, NOTICES)
        for expected in [expected_reminder(who, day, *notice)]
    }
    assert set(found) == wanted
    assert set(Contract.objects.values_list("remind_step", flat=True)) == {1}
    if who == EVERYBODY:
        of_a_month = {row[0]: row[-1] for row in found if row[1:3] == (1, 0)}
        assert of_a_month[date(2028, 4, 14)] == date(2028, 2, 29)
        assert of_a_month[date(2027, 4, 14)] == date(2027, 2, 28)
        assert of_a_month[date(2027, 2, 14)] == date(2026, 12, 31)


@pytest.mark.parametrize("who", PLACES)
def test_on_each_day_those_are_decided_whose_day_it_is(who):
    account = AccountFactory(**PLACES[who])
    ContactFactory(account=account)
    add_contracts(account, ProductFactory(brand=account.brand))
    refresh_contract_dates(contract_ids=None, on=BEFORE_ALL, at=AT)
    expected = {
        (day, *notice): expected_reminder(who, day, *notice)
        for day, notice in combinations(DAYS, NOTICES)
    }

    for day in sorted(Random(7).sample(DAYS[45:-120], 12)):
        Contract.objects.filter(remind_on__lt=day).update(remind_on=None, remind_step=None)
        RenewalReminder.objects.all().delete()
        for hours in (12, 18):
            plan_renewal_reminders(at=instant_on(day) + timedelta(hours=hours - 12))

        decided = RenewalReminder.objects.values_list(
            "renewal_date",
            "contract__notice_months",
            "contract__notice_days",
            "state",
            "decided_on",
            "is_clash",
        )
        assert sorted(decided) == sorted(
            (*key, ReminderState.PLANNED, day, reminder.is_clash)
            for key, reminder in expected.items()
            if reminder.day == day
        )


@pytest.mark.parametrize("notice_months", [1, 3])
def test_a_further_term_in_california_is_as_everywhere(notice_months):
    account = AccountFactory(**PLACES[CALIFORNIA])
    contract = ContractFactory(
        account=account, starts_on=date(2020, 3, 31), notice_months=notice_months
    )

    assert (contract.renewal_date, contract.remind_on) == (
        date(2027, 3, 31),
        expected_reminder(EVERYBODY, date(2027, 3, 31), notice_months, 0).day,
    )


# --- T02


@pytest.mark.parametrize("who", PLACES)
@pytest.mark.parametrize("days_missed", [1, 3, 50])
@pytest.mark.parametrize("notice", NOTICES)
def test_missed_reminder_goes_late_and_once_or_becomes_a_task(who, days_missed, notice):
    account = AccountFactory(**PLACES[who])
    ContactFactory(account=account)
    months, days = notice
    contract = ContractFactory(account=account, notice_months=months, notice_days=days)
    expected = expected_reminder(who, contract.renewal_date, months, days)
    day = expected.day + timedelta(days=days_missed)
    lawful_until = contract.renewal_date - timedelta(days=15)
    goes = day <= expected.last_day_to_cancel or (expected.is_clash and day <= lawful_until)

    for hours in (0, 5):
        run_due_work(at=instant_on(day) + timedelta(hours=hours))

    reminder = RenewalReminder.objects.get(renewal_date=date(2027, 1, 15))
    assert (reminder.state, reminder.is_late) == (
        ReminderState.PLANNED if goes else ReminderState.TOO_LATE,
        True,
    )
    assert OutgoingMail.objects.count() == int(goes)
    assert Task.objects.count() == int(not goes)


@pytest.mark.parametrize("who", PLACES)
def test_nothing_goes_after_the_renewal_date(who):
    account = AccountFactory(**PLACES[who])
    ContactFactory(account=account)
    contract = ContractFactory(account=account, notice_months=0)

    run_due_work(at=instant_on(contract.renewal_date + timedelta(days=1)))

    assert OutgoingMail.objects.count() == 0
    assert Task.objects.get().origin == TaskOrigin.REMINDER_TOO_LATE
    contract.refresh_from_db()
    assert contract.remind_on > date(2027, 1, 16)


def test_contract_that_is_entered_late_is_reminded_of_at_once_and_marked_late():
    account = AccountFactory()
    ContactFactory(account=account)
    ContractFactory(account=account, notice_months=0, at=instant_on(date(2026, 12, 20)))

    run_due_work(at=instant_on(date(2026, 12, 20)))

    reminder = RenewalReminder.objects.get()
    assert (reminder.is_late, reminder.due_on) == (True, date(2026, 12, 1))
    assert OutgoingMail.objects.count() == 1


def test_new_renewal_date_gets_a_reminder_of_its_own():
    account = AccountFactory()
    ContactFactory(account=account)
    contract = ContractFactory(account=account)
    run_due_work(at=instant_on(date(2026, 12, 1)))
    Contract.objects.filter(pk=contract.pk).update(starts_on=date(2026, 2, 20))
    refresh_contract_dates(contract_ids=[contract.pk], at=instant_on(date(2026, 12, 2)))

    for day in (date(2027, 1, 5), date(2027, 1, 6), date(2027, 1, 7)):
        run_due_work(at=instant_on(day))

    reminders = RenewalReminder.objects.order_by("renewal_date")
    assert list(reminders.values_list("renewal_date", "decided_on")) == [
        (date(2027, 1, 15), date(2026, 12, 1)),
        (date(2027, 2, 20), date(2027, 1, 6)),
    ]


# --- T03


@pytest.mark.parametrize(
    ("who", "change"),
    [
        (EVERYBODY, date(2027, 3, 28)),
        (EVERYBODY, date(2027, 10, 31)),
        (CALIFORNIA, date(2027, 3, 14)),
        (CALIFORNIA, date(2027, 11, 7)),
    ],
)
def test_night_of_the_clock_change_reminds_each_once_on_its_day(who, change):
    """Runs each half hour around the night: also at both 02:30, and at the one that is missing."""
    account = AccountFactory(**PLACES[who])
    ContactFactory(account=account)
    days = [change + timedelta(days=offset) for offset in (-1, 0, 1)]
    for day in days:
        renewal_date = next(
            candidate
            for candidate in (day + timedelta(days=n) for n in range(150))
            if expected_reminder(who, candidate, 0, 14).day == day
        )
        ContractFactory(
            account=account,
            starts_on=renewal_date - relativedelta(months=36),
            first_term_months=36,
            notice_months=0,
            notice_days=14,
        )

    moment = datetime(change.year, change.month, change.day, tzinfo=UTC) - timedelta(hours=30)
    for _ in range(2 * 24 * 3 + 12):
        run_due_work(at=moment)
        moment += timedelta(minutes=30)

    reminders = RenewalReminder.objects.order_by("decided_on")
    assert list(reminders.values_list("decided_on", "due_on")) == [(day, day) for day in days]
    assert OutgoingMail.objects.count() == 3
