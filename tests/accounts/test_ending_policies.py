"""When policies may end and be replaced, also by two managers at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import ReminderPolicy
from accounts.services.policies import EndsInThePast, NameIsTaken, end_policy, replace_policy
from cxcrm.base.clock import instant_on
from tests.factories import ReminderPolicyFactory

NOW = instant_on(date(2026, 6, 2))
SATURDAY, SUNDAY = date(2026, 5, 30), date(2026, 5, 31)
# Already Monday in Europe, still Sunday where days end last.
MONDAY_IN_EUROPE = datetime(2026, 6, 1, 11, 59, tzinfo=UTC)


@pytest.mark.django_db
def test_no_policy_ends_before_the_earliest_yesterday_of_all_zones():
    policy = ReminderPolicyFactory()
    with pytest.raises(EndsInThePast) as refusal:
        end_policy(policy_id=policy.pk, last_day=date(2026, 5, 29), at=MONDAY_IN_EUROPE)
    assert refusal.value.field == "last_day"

    end_policy(policy_id=policy.pk, last_day=SATURDAY, at=MONDAY_IN_EUROPE)

    policy.refresh_from_db()
    assert policy.effective_until == SATURDAY


@pytest.mark.django_db
def test_no_policy_is_replaced_for_days_that_are_past():
    policy = ReminderPolicyFactory()
    for day in (date.min, SATURDAY):
        with pytest.raises(EndsInThePast) as refusal:
            replace_policy(policy_id=policy.pk, first_day=day, name="Copy", at=MONDAY_IN_EUROPE)
        assert refusal.value.field == "first_day"

    replace_policy(policy_id=policy.pk, first_day=SUNDAY, name="Copy", at=MONDAY_IN_EUROPE)

    policy.refresh_from_db()
    assert policy.effective_until == SATURDAY


@pytest.mark.django_db
def test_last_day_of_all_calendars_is_a_day_like_others():
    policy = ReminderPolicyFactory()

    copied = replace_policy(policy_id=policy.pk, first_day=date.max, name="Copy", at=NOW)

    assert copied.effective_from == date.max


@pytest.mark.django_db
def test_copy_needs_a_name_of_its_own_and_else_the_policy_stays():
    policy = ReminderPolicyFactory()
    ReminderPolicyFactory(name="Copy", country="PT")

    with pytest.raises(NameIsTaken) as refusal:
        replace_policy(policy_id=policy.pk, first_day=date(2027, 3, 1), name="Copy", at=NOW)

    assert refusal.value.field == "name"
    policy.refresh_from_db()
    assert policy.effective_until is None


@pytest.mark.django_db(transaction=True)
def test_of_managers_who_copy_under_one_name_at_once_one_is_told_that_it_is_taken():
    policies = [ReminderPolicyFactory(country=country) for country in ("ES", "IT", "NL", "PT")]
    start = Barrier(len(policies))

    def copy(policy: ReminderPolicy) -> str:
        try:
            start.wait()
            made = replace_policy(
                policy_id=policy.pk, first_day=date(2027, 3, 1), name="Copy", at=NOW
            )
            return made.name
        except NameIsTaken as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(policies)) as pool:
        answers = list(pool.map(copy, policies))

    assert sorted(answers) == ["Copy", "name_is_taken", "name_is_taken", "name_is_taken"]
    assert ReminderPolicy.objects.filter(effective_until=date(2027, 2, 28)).count() == 1
