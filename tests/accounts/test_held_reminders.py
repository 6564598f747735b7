"""Reminders that an import held: released or dismissed by people, each once."""

import threading
from datetime import date, timedelta

import pytest
from django.db import connection

from accounts.enums import CancellationKind, ContactRole, ReminderState, TaskOrigin, TimelineKind
from accounts.models import Contract, RenewalReminder, Task
from accounts.services.cancellations import cancel_contract
from accounts.services.due_work import run_due_work
from accounts.services.held_reminders import (
    ReminderNotHeld,
    RenewalNotToCome,
    dismiss_reminders,
    release_reminders,
)
from accounts.services.reminder_mail import RENEWAL_REMINDER, renewal_reminder_refusal
from cxcrm.base.clock import instant_on
from cxcrm.outbox.enums import MailState
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import mark_bounced
from cxcrm.users.enums import Role
from tests.factories import AccountFactory, ContactFactory, ContractFactory, UserFactory, cancel

# The factory's contract renews on 15 January 2027; the last day of notice is 14 December.
RENEWAL_DATE = date(2027, 1, 15)
DUE_ON = date(2026, 12, 1)
TODAY = date(2026, 12, 7)
AT = instant_on(TODAY)


def hold(contract: Contract) -> RenewalReminder:
    """What an import does on the day after the reminder was due."""
    Contract.objects.filter(pk=contract.pk).update(remind_on=None, remind_step=None)
    return RenewalReminder.objects.create(
        contract=contract,
        renewal_date=RENEWAL_DATE,
        step=1,
        state=ReminderState.HELD,
        due_on=DUE_ON,
        decided_on=DUE_ON + timedelta(1),
        decided_at=instant_on(DUE_ON + timedelta(1)),
    )


@pytest.fixture
def held(db) -> RenewalReminder:
    return hold(ContractFactory(account=ContactFactory().account))


@pytest.fixture
def agent(db):
    return UserFactory(role=Role.AGENT)


def reminders_on_their_way() -> set[int]:
    mails = OutgoingMail.objects.filter(kind=RENEWAL_REMINDER)
    return set(mails.values_list("subject_id", flat=True))


def events(reminder: RenewalReminder) -> list[tuple]:
    found = reminder.contract.timeline.exclude(kind=TimelineKind.CONTRACT_ADDED)
    return list(found.order_by("id").values_list("kind", "actor", "facts__state"))


def test_released_reminder_goes_out_marked_late(held, agent):
    contact = held.contract.account.contacts.get()

    outcome = release_reminders(ids=[held.pk], at=AT, actor=agent)

    assert (outcome.done, outcome.refused) == ([held.pk], {})
    held.refresh_from_db()
    assert (held.state, held.decided_on, held.contact) == (ReminderState.PLANNED, TODAY, contact)
    assert held.is_late
    mail = OutgoingMail.objects.get()
    assert (mail.subject_id, mail.address_id) == (held.pk, contact.address_id)
    assert (mail.state, renewal_reminder_refusal(held.pk, AT)) == (MailState.QUEUED, None)
    assert events(held) == [(TimelineKind.REMINDER_RELEASED, agent.pk, "planned")]


def test_recipient_is_chosen_as_the_planner_does_on_the_day_of_release(held):
    account = held.contract.account
    first = account.contacts.get()
    billing = ContactFactory(account=account, role=ContactRole.BILLING)
    dead = ContactFactory(account=account, role=ContactRole.BILLING)
    mark_bounced(address_id=dead.address_id, reason="550", at=AT)

    release_reminders(ids=[held.pk], at=AT)

    held.refresh_from_db()
    assert held.contact == billing != first


def test_release_after_the_notice_deadline_opens_a_task(held):
    outcome = release_reminders(ids=[held.pk], at=instant_on(date(2026, 12, 15)))

    assert outcome.done == [held.pk]
    held.refresh_from_db()
    assert held.state == ReminderState.TOO_LATE
    task = Task.objects.get()
    assert (task.origin, task.contract, task.due_on) == (
        TaskOrigin.REMINDER_TOO_LATE,
        held.contract,
        date(2026, 12, 15),
    )
    assert OutgoingMail.objects.count() == 0


def test_release_where_nobody_can_be_written_to_opens_a_task(db):
    held = hold(ContractFactory(account=AccountFactory()))

    release_reminders(ids=[held.pk], at=AT)

    held.refresh_from_db()
    assert held.state == ReminderState.NOBODY
    assert Task.objects.get().origin == TaskOrigin.REMINDER_NOBODY
    assert events(held) == [(TimelineKind.REMINDER_RELEASED, None, "nobody")]


def test_dismissed_reminder_goes_to_nobody(held, agent):
    outcome = dismiss_reminders(ids=[held.pk], at=AT, actor=agent)

    assert outcome.done == [held.pk]
    held.refresh_from_db()
    assert held.state == ReminderState.DISMISSED
    assert (OutgoingMail.objects.count(), Task.objects.count()) == (0, 0)
    assert events(held) == [(TimelineKind.REMINDER_DISMISSED, agent.pk, "dismissed")]


@pytest.mark.parametrize("first", [release_reminders, dismiss_reminders])
@pytest.mark.parametrize("second", [release_reminders, dismiss_reminders])
def test_what_is_decided_stays_decided(held, first, second):
    first(ids=[held.pk], at=AT)
    held.refresh_from_db()
    state, mails, noted = held.state, OutgoingMail.objects.count(), len(events(held))

    outcome = second(ids=[held.pk], at=AT)

    assert outcome.done == []
    assert isinstance(outcome.refused[held.pk], ReminderNotHeld)
    held.refresh_from_db()
    assert (held.state, OutgoingMail.objects.count(), len(events(held))) == (state, mails, noted)


def end(contract: Contract) -> None:
    cancel(contract, date(2027, 1, 14))


def move(contract: Contract) -> None:
    Contract.objects.filter(pk=contract.pk).update(renewal_date=date(2027, 2, 15))


def give_extraordinary_notice(contract: Contract) -> None:
    cancel_contract(
        contract_id=contract.pk, kind=CancellationKind.EXTRAORDINARY, received_at=AT, at=AT
    )
    Task.objects.all().delete()


@pytest.mark.parametrize("deed", [release_reminders, dismiss_reminders])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (end, "An end of the contract is set."),
        (move, "The renewal date has moved."),
        (
            give_extraordinary_notice,
            "The contract is cancelled; its last day is to be decided.",
        ),
    ],
)
def test_what_is_not_to_come_any_more_is_refused_and_not_listed(held, deed, change, reason):
    listed = set(RenewalReminder.objects.held(TODAY))
    change(held.contract)

    outcome = deed(ids=[held.pk], at=AT)

    assert (outcome.done, str(outcome.refused[held.pk])) == ([], reason)
    assert isinstance(outcome.refused[held.pk], RenewalNotToCome)
    held.refresh_from_db()
    assert held.state == ReminderState.HELD
    assert (reminders_on_their_way(), Task.objects.count()) == (set(), 0)
    assert (listed, set(RenewalReminder.objects.held(TODAY))) == ({held}, set())


def test_renewal_that_has_passed_is_refused_and_not_listed(held):
    outcome = release_reminders(ids=[held.pk], at=instant_on(RENEWAL_DATE))

    assert str(outcome.refused[held.pk]) == "The renewal date has passed."
    assert set(RenewalReminder.objects.held(RENEWAL_DATE)) == set()


def test_reminder_that_nobody_decides_becomes_a_task_once_its_deadline_has_passed(held):
    assert run_due_work(at=instant_on(date(2026, 12, 14)))["expired"] == 0
    held.refresh_from_db()
    assert held.state == ReminderState.HELD

    assert run_due_work(at=instant_on(date(2026, 12, 15)))["expired"] == 1
    assert run_due_work(at=instant_on(date(2026, 12, 16)))["expired"] == 0

    held.refresh_from_db()
    assert (held.state, held.decided_on) == (ReminderState.TOO_LATE, date(2026, 12, 15))
    task = Task.objects.get()
    assert (task.origin, task.contract, task.due_on) == (
        TaskOrigin.REMINDER_TOO_LATE,
        held.contract,
        date(2026, 12, 15),
    )
    assert OutgoingMail.objects.count() == 0


def test_reminder_that_nobody_decides_becomes_a_task_before_its_renewal_is_past(held):
    run_due_work(at=instant_on(date(2027, 1, 20)))

    held.refresh_from_db()
    assert held.state == ReminderState.TOO_LATE
    assert Task.objects.get().origin == TaskOrigin.REMINDER_TOO_LATE


def come_in_after_its_deadline(held: RenewalReminder) -> None:
    RenewalReminder.objects.filter(pk=held.pk).update(decided_on=date(2026, 12, 15))


@pytest.mark.parametrize(
    "change",
    [
        come_in_after_its_deadline,
        lambda held: end(held.contract),
        lambda held: move(held.contract),
    ],
)
def test_held_reminder_without_anything_to_make_up_for_opens_no_task(held, change):
    change(held)

    assert run_due_work(at=instant_on(date(2026, 12, 16)))["expired"] == 0

    held.refresh_from_db()
    assert held.state == ReminderState.HELD
    assert Task.objects.count() == 0


def test_each_of_many_is_answered(held):
    others = [hold(ContractFactory(account=ContactFactory().account)) for _ in range(3)]
    end(others[0].contract)
    gone = max(reminder.pk for reminder in others) + 1
    ids = [held.pk, *(reminder.pk for reminder in others), gone]

    outcome = release_reminders(ids=ids, at=AT)

    assert outcome.done == [held.pk, others[1].pk, others[2].pk]
    assert {key: str(refusal) for key, refusal in outcome.refused.items()} == {
        others[0].pk: "An end of the contract is set.",
        gone: "It does not exist any more.",
    }
    assert reminders_on_their_way() == set(outcome.done)


def test_many_take_as_many_queries_as_one(held, django_assert_max_num_queries):
    others = [hold(ContractFactory(account=ContactFactory().account)) for _ in range(5)]

    with django_assert_max_num_queries(6):
        release_reminders(ids=[held.pk, *(reminder.pk for reminder in others)], at=AT)

    assert OutgoingMail.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_two_agents_release_the_same_and_one_mail_goes():
    held = hold(ContractFactory(account=ContactFactory().account))
    together = threading.Barrier(4)
    outcomes = []

    def release() -> None:
        try:
            together.wait()
            outcomes.append(release_reminders(ids=[held.pk], at=AT))
        finally:
            connection.close()

    agents = [threading.Thread(target=release) for _ in range(4)]
    for one in agents:
        one.start()
    for one in agents:
        one.join()

    assert sorted(len(outcome.done) for outcome in outcomes) == [0, 0, 0, 1]
    assert OutgoingMail.objects.count() == 1
    assert events(held) == [(TimelineKind.REMINDER_RELEASED, None, "planned")]
