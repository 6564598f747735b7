"""F19 in small: what the server that was lost had decided after the backup goes to nobody twice."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts.enums import ReminderState
from accounts.models import Contract, RenewalReminder
from accounts.services.due_work import WorkWaitsForRelease, run_due_work
from accounts.services.held_reminders import release_reminders
from accounts.tasks import run_due_work_task
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import DeliveryState, OutgoingMail
from cxcrm.outbox.services import deliver_mails, hold_mails, release_mails
from cxcrm.outbox.services.hold import may_send
from tests.factories import AccountFactory, ContactFactory, ContractFactory

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
