"""F19 in small: what the server that was lost had decided after the backup goes to nobody twice."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts.enums import ReminderState, TaskOrigin
from accounts.models import (
    Contract,
    ReminderPolicy,
    ReminderPolicyStep,
    RenewalReminder,
    Task,
)
from accounts.services.due_work import WorkWaitsForRelease, run_due_work
from accounts.services.held_reminders import dismiss_reminders, release_reminders
from accounts.tasks import run_due_work_task
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import DeliveryState, OutgoingMail
from cxcrm.outbox.services import deliver_mails, hold_mails, release_mails
from cxcrm.outbox.services.hold import may_send
from tests.factories import (
    AccountFactory,
    ContactFactory,
    ContractFactory,
    ProductFactory,
    cancel,
)

pytestmark = pytest.mark.django_db

# Of the factory's contract and the policy for everybody.
REMIND_AT = instant_on(date(2026, 12, 1))
LOST_AT = REMIND_AT + timedelta(hours=5)
RESTORED_AT = REMIND_AT + timedelta(hours=6)
RELEASED_AT = REMIND_AT + timedelta(hours=7)


@pytest.fixture
def contract() -> Contract:
    """With a contact, which lives in UTC, to be reminded on 1 December."""
    account = AccountFactory(language="en", time_zone="UTC")
    ContactFactory(account=account)
    return ContractFactory(account=account)


def lose_what_was_decided(contract: Contract) -> None:
    """The old server decides and sends; the backup of the night before knows nothing of it."""
    contract.refresh_from_db()
    may_send(at=REMIND_AT - timedelta(days=1))
    run_due_work(at=REMIND_AT)
    deliver_mails(at=REMIND_AT)
    OutgoingMail.objects.all().delete()
    RenewalReminder.objects.all().delete()
    Contract.objects.filter(pk=contract.pk).update(
        remind_on=contract.remind_on, remind_step=contract.remind_step
    )
    DeliveryState.objects.update(identity="7392.00000001.16384.16999")


def test_a_copy_decides_nothing_until_it_is_released(contract):
    lose_what_was_decided(contract)

    with pytest.raises(WorkWaitsForRelease):
        run_due_work(at=RESTORED_AT)
    with pytest.raises(CommandError, match="restored or copied"):
        call_command("run_due")
    run_due_work_task()

    assert not RenewalReminder.objects.exists()
    may_send(at=RESTORED_AT)
    with pytest.raises(WorkWaitsForRelease):
        run_due_work(at=RESTORED_AT)


def test_what_was_due_before_the_loss_is_held_and_mailed_to_nobody_again(contract, mailoutbox):
    lose_what_was_decided(contract)
    deliver_mails(at=RESTORED_AT)

    released = release_mails(actor=None, at=RELEASED_AT, discard_planned_before=LOST_AT)
    for days in range(3):
        run_due_work(at=RELEASED_AT + timedelta(days=days))
        deliver_mails(at=RELEASED_AT + timedelta(days=days))

    assert (released.discarded, released.held_back) == (0, 1)
    assert len(mailoutbox) == 1
    reminder = RenewalReminder.objects.get()
    assert (reminder.state, reminder.due_on) == (ReminderState.HELD, contract.remind_on)
    contract.refresh_from_db()
    assert contract.remind_on is None


def test_people_may_have_it_sent_all_the_same(contract, mailoutbox):
    lose_what_was_decided(contract)
    deliver_mails(at=RESTORED_AT)
    release_mails(actor=None, at=RELEASED_AT, discard_planned_before=LOST_AT)

    release_reminders(ids=[RenewalReminder.objects.get().pk], at=RELEASED_AT)
    deliver_mails(at=RELEASED_AT)

    assert len(mailoutbox) == 2


def test_what_was_due_after_the_loss_goes_once_mails_are_released(contract, mailoutbox):
    lose_what_was_decided(contract)
    later = ContractFactory(account=contract.account, starts_on=date(2026, 1, 16))
    later.refresh_from_db()
    assert later.remind_on == date(2026, 12, 2)
    next_day = RESTORED_AT + timedelta(days=1)
    deliver_mails(at=next_day)

    released = release_mails(actor=None, at=next_day, discard_planned_before=LOST_AT)
    run_due_work(at=next_day)
    deliver_mails(at=next_day)

    assert released.held_back == 1
    assert list(later.reminders.values_list("state", flat=True)) == [ReminderState.PLANNED]
    assert len(mailoutbox) == 2


def test_the_day_of_the_loss_is_the_customers_own(contract):
    """At five in the morning of 1 December it is still November in Honolulu."""
    lose_what_was_decided(contract)
    contract.account.time_zone = "Pacific/Honolulu"
    contract.account.save()
    deliver_mails(at=RESTORED_AT)

    five = datetime(2026, 12, 1, 5, tzinfo=UTC)
    released = release_mails(actor=None, at=RELEASED_AT, discard_planned_before=five)

    assert released.held_back == 0


def test_without_a_moment_all_is_decided_late(contract, mailoutbox):
    lose_what_was_decided(contract)
    deliver_mails(at=RESTORED_AT)

    assert release_mails(actor=None, at=RELEASED_AT).held_back == 0
    run_due_work(at=RELEASED_AT)
    deliver_mails(at=RELEASED_AT)

    assert len(mailoutbox) == 2


def test_mails_held_by_hand_keep_nobody_from_planning(contract, mailoutbox):
    hold_mails(actor=None, at=REMIND_AT)

    assert run_due_work(at=REMIND_AT)["planned"] == 1
    deliver_mails(at=REMIND_AT)

    assert mailoutbox == []


# --- What the backup was behind with


def become_a_copy() -> None:
    DeliveryState.objects.update(identity="7392.00000001.16384.16999")


def release_copy(*, lost: datetime, at: datetime) -> int:
    """Mails of a restored database are released; answers how many reminders are held."""
    deliver_mails(at=at)
    return release_mails(actor=None, at=at, discard_planned_before=lost).held_back


def live(first: date, last: date) -> None:
    """Days on which the planner runs and workers send."""
    for days in range((last - first).days + 1):
        run_due_work(at=instant_on(first + timedelta(days=days)))
        deliver_mails(at=instant_on(first + timedelta(days=days)))


@pytest.fixture
def domain() -> Contract:
    """To renew on 15 January with a month's notice: steps on 4 December and 8 January, and one
    after its end."""
    account = AccountFactory(language="en", time_zone="UTC")
    ContactFactory(account=account)
    return ContractFactory(
        account=account, product=ProductFactory(brand=account.brand, family="domain")
    )


def test_policy_that_was_not_followed_in_the_backup_mails_nobody_again(contract, mailoutbox):
    saved_on = date(2026, 11, 20)
    may_send(at=instant_on(saved_on))
    run_due_work(at=instant_on(saved_on))
    ReminderPolicyStep.objects.filter(policy__country="", days_before=45).update(days_before=60)
    ReminderPolicy.objects.update(followed_at=None, followed_up_to=0)
    become_a_copy()

    held_back = release_copy(
        lost=instant_on(saved_on) + timedelta(hours=5),
        at=instant_on(saved_on) + timedelta(hours=7),
    )
    live(saved_on + timedelta(days=1), saved_on + timedelta(days=3))

    assert held_back == 1
    reminder = RenewalReminder.objects.get()
    assert (reminder.state, reminder.due_on) == (ReminderState.HELD, date(2026, 11, 16))
    assert mailoutbox == []


def test_end_in_the_lost_time_is_told_of_once(domain, mailoutbox):
    reminder = lose_after_its_end(domain)
    live(date(2027, 1, 19), date(2027, 1, 22))

    domain.refresh_from_db()
    assert domain.state == "ended"
    reminder.refresh_from_db()
    assert reminder.state == ReminderState.HELD
    assert mailoutbox == []


def lose_after_its_end(domain: Contract) -> RenewalReminder:
    """Under notice to 14 January, when the backup was made; the server that was lost on the 18th
    has told of the end."""
    cancel(domain, date(2027, 1, 14), at=instant_on(date(2026, 11, 1)))
    may_send(at=instant_on(date(2027, 1, 14)))
    become_a_copy()
    lost = instant_on(date(2027, 1, 18))
    held_back = release_copy(lost=lost, at=lost + timedelta(hours=2))
    assert held_back == 1
    reminder = RenewalReminder.objects.get()
    assert reminder.tells_of_end
    return reminder


# --- Held for people


def test_held_reminder_of_an_end_is_listed_and_released(domain, mailoutbox):
    reminder = lose_after_its_end(domain)
    at = instant_on(date(2027, 1, 19))

    assert set(RenewalReminder.objects.held(at.date())) == {reminder}
    assert release_reminders(ids=[reminder.pk], at=at).done == [reminder.pk]
    deliver_mails(at=at)

    assert len(mailoutbox) == 1
    assert set(RenewalReminder.objects.held(at.date())) == set()


def test_held_reminder_of_an_end_is_dismissed(domain):
    reminder = lose_after_its_end(domain)

    assert dismiss_reminders(ids=[reminder.pk], at=instant_on(date(2027, 1, 19))).refused == {}

    assert set(RenewalReminder.objects.held(date(2027, 1, 19))) == set()


def test_held_reminder_of_an_end_that_nobody_decides_becomes_a_task(domain):
    reminder = lose_after_its_end(domain)
    latest = reminder.renewal_date + timedelta(days=30)

    assert run_due_work(at=instant_on(latest))["expired"] == 0
    assert set(RenewalReminder.objects.held(latest)) == {reminder}
    assert run_due_work(at=instant_on(latest + timedelta(days=1)))["expired"] == 1

    reminder.refresh_from_db()
    assert reminder.state == ReminderState.TOO_LATE
    assert (
        "has not renewed on 2027-01-15"
        in Task.objects.get(origin=TaskOrigin.REMINDER_TOO_LATE).title
    )


def test_held_step_after_the_last_day_to_cancel_becomes_a_task_when_the_renewal_comes(domain):
    day = date(2027, 1, 7)
    may_send(at=instant_on(day))
    live(date(2026, 12, 4), day)
    become_a_copy()
    lost = instant_on(date(2027, 1, 8)) + timedelta(hours=12)

    assert release_copy(lost=lost, at=lost + timedelta(hours=2)) == 1
    held = domain.reminders.get(step=2)
    live(date(2027, 1, 9), date(2027, 1, 14))
    held.refresh_from_db()
    assert (held.state, Task.objects.count()) == (ReminderState.HELD, 0)

    live(date(2027, 1, 15), date(2027, 1, 25))
    held.refresh_from_db()
    assert (held.state, held.decided_on) == (ReminderState.TOO_LATE, date(2027, 1, 15))
    assert Task.objects.get().contract == domain


@pytest.mark.parametrize(
    ("lost_on", "released_on"),
    [
        (date(2026, 12, 10), date(2026, 12, 20)),
        (date(2026, 12, 18), date(2026, 12, 20)),
        (date(2027, 1, 18), date(2027, 1, 20)),
    ],
)
def test_held_reminder_whose_last_day_to_cancel_has_passed_becomes_a_task(
    contract, mailoutbox, lost_on, released_on
):
    """Between the loss and the release, before the loss, and after the renewal."""
    may_send(at=REMIND_AT - timedelta(days=1))
    become_a_copy()

    assert release_copy(lost=instant_on(lost_on), at=instant_on(released_on)) == 1
    live(released_on, released_on + timedelta(days=2))

    assert contract.reminders.get().state == ReminderState.TOO_LATE
    assert Task.objects.get().contract == contract
    assert mailoutbox == []
