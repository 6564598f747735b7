"""What a reminder keeps of its mail: who accepted it and when, and what came back."""

from datetime import date, timedelta

import pytest

from accounts.enums import ReminderState, TaskOrigin
from accounts.models import Contract, RenewalReminder, Task
from accounts.services.due_work import run_due_work
from accounts.services.renewals import note_reminder_endings, plan_renewal_reminders
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from tests.factories import AccountFactory, ContactFactory, ContractFactory, cancel

pytestmark = pytest.mark.django_db

RENEWAL = date(2027, 1, 15)
AT = instant_on(date(2026, 12, 1))
LATER = AT + timedelta(days=2)


@pytest.fixture
def reminder() -> RenewalReminder:
    account = AccountFactory()
    ContactFactory(account=account)
    ContractFactory(account=account)
    plan_renewal_reminders(at=AT)
    return RenewalReminder.objects.get()


def end_mail(state: str, **fields) -> None:
    """As the outbox leaves it."""
    OutgoingMail.objects.update(state=state, finished_at=AT, is_noted=False, **fields)


def test_reminder_says_which_relay_accepted_it_and_when(reminder):
    end_mail("accepted", relay="mx.example")

    assert note_reminder_endings(at=LATER) == 0
    assert note_reminder_endings(at=LATER) == 0

    reminder.refresh_from_db()
    assert (reminder.state, reminder.accepted_at, reminder.accepted_by, reminder.bounced_at) == (
        ReminderState.PLANNED,
        AT,
        "mx.example",
        None,
    )
    OutgoingMail.objects.all().delete()
    reminder.refresh_from_db()
    assert reminder.accepted_by == "mx.example"


def test_mail_that_comes_back_keeps_the_proof_and_becomes_a_task(reminder):
    end_mail("accepted", relay="mx.example")
    run_due_work(at=AT)

    OutgoingMail.objects.update(bounced_at=LATER, is_noted=False)
    counts = [run_due_work(at=LATER + timedelta(hours=hours)) for hours in (1, 2)]

    reminder.refresh_from_db()
    assert [count["undelivered"] for count in counts] == [1, 0]
    assert (reminder.state, reminder.accepted_at, reminder.bounced_at) == (
        ReminderState.UNDELIVERED,
        AT,
        LATER,
    )
    task = Task.objects.get()
    assert (task.origin, task.due_on, task.pool) == (
        TaskOrigin.REMINDER_NOT_DELIVERED,
        date(2026, 12, 3),
        "retention",
    )
    assert task.title == "Call: the mail about the renewal on 2027-01-15 was not delivered"


@pytest.mark.parametrize(
    "change",
    [
        lambda contract: cancel(contract, RENEWAL - timedelta(days=1), at=AT),
        lambda contract: Contract.objects.update(renewal_date=RENEWAL + timedelta(days=1)),
        lambda contract: RenewalReminder.objects.update(kept_at=AT),
    ],
)
@pytest.mark.parametrize("state", ["failed", "suppressed"])
def test_mail_that_nobody_needs_any_more_becomes_no_task(reminder, change, state):
    change(reminder.contract)
    OutgoingMail.objects.exclude(kind="renewal_reminder").delete()
    end_mail(state)

    assert note_reminder_endings(at=LATER) == 0

    reminder.refresh_from_db()
    assert (reminder.state, Task.objects.count()) == (ReminderState.PLANNED, 0)


def test_mail_that_was_overtaken_by_a_newer_one_becomes_no_task(reminder):
    end_mail("suppressed")
    old = OutgoingMail.objects.get()
    newer = OutgoingMail.objects.get()
    newer.pk, newer.state, newer.finished_at = None, "queued", None
    newer.save(force_insert=True)

    assert note_reminder_endings(at=LATER) == 0
    OutgoingMail.objects.filter(pk=newer.pk).update(
        state="accepted", finished_at=LATER, relay="mx.example", is_noted=False
    )
    note_reminder_endings(at=LATER)

    reminder.refresh_from_db()
    assert old.pk < newer.pk
    assert (reminder.state, reminder.accepted_at) == (ReminderState.PLANNED, LATER)


def test_many_endings_take_as_many_queries_as_one(reminder, django_assert_num_queries):
    account = reminder.contract.account
    for _ in range(4):
        ContractFactory(account=account)
    plan_renewal_reminders(at=AT)
    end_mail("failed")

    with django_assert_num_queries(4):  # savepoint, take, note, savepoint
        assert note_reminder_endings(at=LATER) == 5

    assert Task.objects.count() == 5
