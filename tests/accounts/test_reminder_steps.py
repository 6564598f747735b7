"""Policies of several steps: domains, what is left out, what goes after the end."""

from datetime import date, timedelta

import pytest

from accounts.enums import ReminderState, TaskOrigin
from accounts.models import Contract, RenewalReminder, Task
from accounts.services.cancellations import take_back_cancellation
from accounts.services.due_work import run_due_work
from accounts.services.reminder_mail import renewal_reminder_facts, renewal_reminder_refusal
from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from tests.factories import AccountFactory, ContactFactory, ContractFactory, ProductFactory, cancel

pytestmark = pytest.mark.django_db

# A domain of a year with 14 days' notice: 30 and 7 days before, 3 days after an end.
RENEWAL = date(2027, 1, 15)
FIRST, SECOND, AFTER = date(2026, 12, 16), date(2027, 1, 8), date(2027, 1, 18)
DEADLINE = date(2026, 12, 31)
DAY = timedelta(days=1)


@pytest.fixture
def domain() -> Contract:
    account = AccountFactory()
    ContactFactory(account=account)
    return ContractFactory(
        account=account,
        product=ProductFactory(brand=account.brand, family="domain"),
        notice_months=0,
        notice_days=14,
    )


def live(first: date, last: date) -> None:
    day = first
    while day <= last:
        run_due_work(at=instant_on(day))
        day += DAY


def decided() -> list[tuple]:
    return list(
        RenewalReminder.objects.order_by("renewal_date", "step").values_list(
            "step", "state", "due_on", "decided_on"
        )
    )


def mails() -> list[int]:
    """The steps that were mailed, in the order in which they were queued."""
    steps = dict(RenewalReminder.objects.values_list("pk", "step"))
    subjects = OutgoingMail.objects.filter(kind="renewal_reminder").order_by("id")
    return [steps[subject] for subject in subjects.values_list("subject_id", flat=True)]


def test_domain_that_renews_is_reminded_of_twice(domain):
    live(FIRST - DAY, AFTER + DAY)

    assert decided() == [
        (1, ReminderState.PLANNED, FIRST, FIRST),
        (2, ReminderState.PLANNED, SECOND, SECOND),
    ]
    assert mails() == [1, 2]
    domain.refresh_from_db()
    assert (domain.remind_on, domain.remind_step) == (date(2027, 12, 16), 1)


def test_domain_that_ends_with_its_term_is_told_of_three_days_after(domain):
    cancel(domain, RENEWAL - DAY, at=instant_on(FIRST - DAY))

    live(FIRST, AFTER + 40 * DAY)

    assert decided() == [(3, ReminderState.PLANNED, AFTER, AFTER)]
    reminder = RenewalReminder.objects.get()
    assert reminder.renewal_date == RENEWAL
    assert renewal_reminder_refusal(reminder.pk, instant_on(AFTER)) is None
    facts = renewal_reminder_facts(reminder.pk, instant_on(AFTER))
    assert (facts["is_expired"], facts["deadline_passed"], facts["step"]) == (True, False, 3)


def test_nobody_is_told_of_an_end_in_the_middle_of_a_term(domain):
    cancel(domain, RENEWAL - 20 * DAY, at=instant_on(FIRST - DAY))

    live(FIRST, AFTER + 10 * DAY)

    assert decided() == []


def test_mail_about_an_end_does_not_go_when_the_contract_runs_again(domain):
    cancel(domain, RENEWAL - DAY, at=instant_on(FIRST - DAY))
    live(AFTER, AFTER)
    reminder = RenewalReminder.objects.get()

    Contract.objects.filter(pk=domain.pk).update(ends_on=RENEWAL + DAY)

    assert renewal_reminder_refusal(reminder.pk, instant_on(AFTER)) == (
        "The contract did not end then."
    )


def test_end_is_told_of_late_after_an_outage_but_not_after_a_month(domain):
    cancel(domain, RENEWAL - DAY, at=instant_on(FIRST - DAY))
    other = ContractFactory(account=domain.account, product=domain.product, notice_months=0)
    cancel(other, RENEWAL - DAY, at=instant_on(FIRST - DAY))
    Contract.objects.filter(pk=other.pk).update(
        starts_on=date(2025, 12, 1), ends_on=date(2026, 11, 30)
    )

    live(AFTER + 10 * DAY, AFTER + 12 * DAY)

    assert RenewalReminder.objects.get().contract == domain
    assert decided() == [(3, ReminderState.PLANNED, AFTER, AFTER + 10 * DAY)]


def test_of_two_steps_that_are_due_together_the_later_goes(domain):
    Contract.objects.filter(pk=domain.pk).update(notice_days=0)

    live(SECOND + DAY, SECOND + 2 * DAY)

    assert decided() == [
        (1, ReminderState.LEFT_OUT, FIRST, SECOND + DAY),
        (2, ReminderState.PLANNED, SECOND, SECOND + DAY),
    ]
    assert (mails(), Task.objects.count()) == ([2], 0)


def test_first_step_that_is_too_late_becomes_a_task_beside_the_mail_of_the_second(domain):
    live(SECOND + DAY, SECOND + DAY)

    assert [(step, state) for step, state, *_ in decided()] == [
        (1, ReminderState.TOO_LATE),
        (2, ReminderState.PLANNED),
    ]
    assert Task.objects.get().origin == TaskOrigin.REMINDER_TOO_LATE


def test_step_that_leaves_nothing_to_decide_goes_after_the_deadline(domain):
    live(FIRST, SECOND)

    reminder = RenewalReminder.objects.get(step=2)
    assert renewal_reminder_refusal(reminder.pk, instant_on(SECOND)) is None
    facts = renewal_reminder_facts(reminder.pk, instant_on(SECOND))
    assert (facts["deadline_passed"], facts["is_expired"]) == (True, False)
    assert renewal_reminder_refusal(reminder.pk, instant_on(RENEWAL)) == (
        "The renewal date has passed."
    )


def test_second_step_that_was_missed_altogether_needs_no_task_where_the_first_went(domain):
    live(FIRST, FIRST)

    live(RENEWAL + DAY, RENEWAL + DAY)

    assert [(step, state) for step, state, *_ in decided()] == [
        (1, ReminderState.PLANNED),
        (2, ReminderState.LEFT_OUT),
    ]
    assert (mails(), Task.objects.count()) == ([1], 0)


def test_renewal_that_nobody_was_told_of_becomes_one_task(domain):
    live(RENEWAL + DAY, RENEWAL + DAY)

    assert [state for _, state, *_ in decided()] == [ReminderState.TOO_LATE] * 2
    assert Task.objects.get().origin == TaskOrigin.REMINDER_TOO_LATE


def test_nobody_to_tell_of_an_end_opens_a_task_of_its_own_words(domain):
    domain.account.contacts.all().delete()
    cancel(domain, RENEWAL - DAY, at=instant_on(FIRST - DAY))
    Task.objects.all().delete()

    live(AFTER, AFTER)

    assert Task.objects.get().title == (
        "Find a contact: nobody can be told that the contract has not renewed on 2027-01-15"
    )


def test_cancellation_that_is_taken_back_late_leaves_one_mail(domain):
    live(FIRST, FIRST)
    OutgoingMail.objects.update(state="suppressed", finished_at=instant_on(FIRST))
    cancellation = cancel(domain, RENEWAL - DAY, at=instant_on(FIRST))
    later = SECOND + DAY
    OutgoingMail.objects.exclude(kind="renewal_reminder").delete()

    take_back_cancellation(cancellation_id=cancellation.pk, at=instant_on(later))
    live(later, later)

    new = OutgoingMail.objects.filter(kind="renewal_reminder", state="queued")
    assert [mail.subject_id for mail in new] == [RenewalReminder.objects.get(step=2).pk]


def test_french_consumer_who_was_told_after_the_window_is_free_to_leave():
    account = AccountFactory(country="FR", customer_kind="consumer", time_zone="Europe/Paris")
    ContactFactory(account=account)
    ContractFactory(account=account)  # to be cancelled by 14 December

    plan_renewal_reminders(at=instant_on(date(2026, 11, 15)))

    reminder = RenewalReminder.objects.get()
    assert (reminder.due_on, reminder.latest_on) == (date(2026, 10, 30), date(2026, 11, 14))
    facts = renewal_reminder_facts(reminder.pk, instant_on(date(2026, 11, 15)))
    assert (facts["window_missed"], facts["is_late"]) == (True, True)


def test_within_the_window_a_late_mail_names_the_last_day_to_cancel():
    account = AccountFactory(country="FR", customer_kind="consumer", time_zone="Europe/Paris")
    ContactFactory(account=account)
    ContractFactory(account=account)

    plan_renewal_reminders(at=instant_on(date(2026, 11, 14)))

    facts = renewal_reminder_facts(RenewalReminder.objects.get().pk, instant_on(date(2026, 11, 14)))
    assert (facts["window_missed"], facts["is_late"]) == (False, True)


def test_mail_is_useful_until_the_last_day_to_cancel_is_over_where_the_customer_lives(domain):
    live(FIRST, SECOND)

    assert list(OutgoingMail.objects.order_by("id").values_list("time_zone", "useful_until")) == [
        ("Europe/Berlin", instant_on(DEADLINE) + timedelta(hours=13)),
        ("Europe/Berlin", instant_on(RENEWAL) - timedelta(hours=11)),
    ]
