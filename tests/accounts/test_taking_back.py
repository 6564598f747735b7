"""Taking cancellations back, and ends that came with a feed."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.enums import CancellationKind, TaskOrigin
from accounts.models import (
    Cancellation,
    Contract,
    RenewalReminder,
    Task,
)
from accounts.selectors.accounts import moment_of_event
from accounts.selectors.cancellations import NotCancelled, standing_cancellation
from accounts.services.cancellations import (
    CancellationIsTakenBack,
    DayNotPossible,
    EndCameWithFeed,
    TooLateToTakeBack,
    decide_cancellation,
    take_back_cancellation,
)
from accounts.services.contracts import advance_contracts
from accounts.services.due_work import run_due_work
from accounts.services.reminder_mail import RENEWAL_REMINDER
from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from tests.accounts.cancelling import TODAY, consumer_contract, events, receive, refused
from tests.factories import NOW, AccountFactory, ContactFactory, ContractFactory, UserFactory

ORDINARY, EXTRAORDINARY = CancellationKind.ORDINARY, CancellationKind.EXTRAORDINARY
SWITCH, WITHDRAWAL = CancellationKind.SWITCH, CancellationKind.WITHDRAWAL

pytestmark = pytest.mark.django_db


@pytest.fixture
def contract():
    """Runs for a year from 15 January 2026, with a month's notice; one decision maker."""
    account = AccountFactory()
    ContactFactory(account=account)
    return ContractFactory(account=account)


@pytest.mark.parametrize("starts_on", [TODAY, date(2026, 7, 1)])
def test_withdrawal_is_taken_back_on_the_same_day_only(starts_on):
    contract = consumer_contract(starts_on=starts_on)
    state, renewal_date = contract.state, contract.renewal_date
    take_back = {"cancellation_id": receive(contract, WITHDRAWAL).pk}
    refused(TooLateToTakeBack, take_back_cancellation, at=NOW + timedelta(days=1), **take_back)

    take_back_cancellation(at=NOW + timedelta(hours=11), **take_back)

    contract.refresh_from_db()
    assert (contract.state, contract.renewal_date) == (state, renewal_date)


def test_cancellation_is_taken_back_until_the_last_day_inclusive(contract):
    agent = UserFactory()
    cancellation = receive(contract)
    last_day = datetime(2027, 1, 14, 23, 59, tzinfo=ZoneInfo("Europe/Berlin"))
    take_back = {"cancellation_id": cancellation.pk, "actor": agent}
    refused(
        TooLateToTakeBack, take_back_cancellation, at=last_day + timedelta(minutes=1), **take_back
    )

    take_back_cancellation(at=last_day, **take_back)

    contract.refresh_from_db()
    cancellation.refresh_from_db()
    assert (contract.ends_on, contract.renewal_date) == (None, date(2027, 1, 15))
    assert (cancellation.taken_back_at, cancellation.taken_back_by) == (last_day, agent)
    assert [kind for kind, _facts in events(contract)] == [
        "contract_cancelled",
        "cancellation_taken_back",
    ]
    refused(CancellationIsTakenBack, take_back_cancellation, at=last_day, **take_back)
    refused(
        CancellationIsTakenBack,
        decide_cancellation,
        cancellation_id=cancellation.pk,
        effective_on=TODAY,
        at=last_day,
    )


def test_what_was_taken_back_may_be_cancelled_again(contract):
    take_back_cancellation(cancellation_id=receive(contract).pk, at=NOW)

    again = receive(contract)

    assert standing_cancellation(contract) == again
    assert contract.cancellations.count() == 2


def test_undecided_cancellation_is_taken_back_with_its_task(contract):
    cancellation = receive(contract, EXTRAORDINARY)

    take_back_cancellation(cancellation_id=cancellation.pk, at=NOW)

    contract.refresh_from_db()
    task = Task.objects.get()
    assert (contract.ends_on, contract.renewal_date) == (None, date(2027, 1, 15))
    assert (task.state, task.result) == ("done", "The cancellation was taken back.")


def test_what_was_entered_after_its_last_day_is_taken_back_on_the_day_of_entering(contract):
    entered = datetime(2026, 6, 1, 8, tzinfo=ZoneInfo("Europe/Berlin"))
    cancellation = receive(
        contract,
        EXTRAORDINARY,
        received_at=instant_on(date(2026, 5, 1)),
        effective_on=date(2026, 5, 15),
        at=entered,
    )
    take_back = {"cancellation_id": cancellation.pk}
    refused(TooLateToTakeBack, take_back_cancellation, at=entered + timedelta(days=1), **take_back)

    take_back_cancellation(at=entered + timedelta(hours=15), **take_back)

    contract.refresh_from_db()
    assert (contract.ends_on, contract.renewal_date) == (None, date(2027, 1, 15))


def test_withdrawal_that_was_entered_late_is_taken_back_on_the_day_of_entering():
    contract = consumer_contract()
    cancellation = receive(contract, WITHDRAWAL, received_at=instant_on(date(2026, 5, 25)))

    take_back_cancellation(cancellation_id=cancellation.pk, at=NOW)

    contract.refresh_from_db()
    assert contract.state == "running"


def test_contract_that_has_ended_is_not_brought_back(contract):
    cancellation = receive(contract, EXTRAORDINARY, effective_on=TODAY)
    next_day = instant_on(date(2026, 6, 2))
    advance_contracts(at=next_day)

    refused(TooLateToTakeBack, take_back_cancellation, cancellation_id=cancellation.pk, at=next_day)


def test_reminder_that_was_decided_stays_decided(contract):
    remind = instant_on(contract.remind_on)
    plan_renewal_reminders(at=remind)

    cancellation = receive(contract, received_at=remind, at=remind)
    take_back_cancellation(cancellation_id=cancellation.pk, at=remind)
    plan_renewal_reminders(at=remind + timedelta(days=1))

    contract.refresh_from_db()
    assert contract.remind_on is None
    assert RenewalReminder.objects.count() == 1


@pytest.fixture
def stopped(contract) -> RenewalReminder:
    """Decided, and its mail stopped by a cancellation before it went."""
    remind = instant_on(contract.remind_on)
    plan_renewal_reminders(at=remind)
    receive(contract, received_at=remind, at=remind)
    OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).update(
        state="suppressed", finished_at=remind
    )
    return RenewalReminder.objects.get()


def take_back_standing(contract: Contract, at: datetime) -> None:
    take_back_cancellation(cancellation_id=standing_cancellation(contract).pk, at=at)


def retention_tasks() -> list[tuple]:
    return list(Task.objects.order_by("id").values_list("origin", "due_on"))


def test_who_takes_back_in_time_is_reminded_after_all_and_once(contract, stopped):
    days = [instant_on(date(2026, 12, day)) for day in (14, 15, 16)]

    take_back_standing(contract, days[0])
    for day in days:
        run_due_work(at=day)

    stopped.refresh_from_db()
    assert (stopped.state, stopped.decided_on) == ("planned", date(2026, 12, 14))
    mails = OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).order_by("id")
    assert list(mails.values_list("state", flat=True)) == ["suppressed", "queued"]
    assert retention_tasks() == []


def test_who_takes_back_after_the_deadline_is_called_however_long_ago_the_mail_was_stopped(
    contract, stopped
):
    OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).update(finished_at=NOW)

    take_back_standing(contract, instant_on(date(2027, 1, 10)))

    stopped.refresh_from_db()
    assert stopped.state == "too_late"
    assert retention_tasks() == [(TaskOrigin.REMINDER_TOO_LATE, date(2027, 1, 10))]


def test_who_takes_back_is_reminded_even_where_the_stopped_mail_is_long_gone(contract, stopped):
    OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).delete()

    take_back_standing(contract, instant_on(date(2026, 12, 10)))

    stopped.refresh_from_db()
    assert (stopped.state, stopped.decided_on) == ("planned", date(2026, 12, 10))
    [mail] = OutgoingMail.objects.filter(kind=RENEWAL_REMINDER)
    assert (mail.state, mail.subject_id) == ("queued", stopped.pk)


@pytest.mark.parametrize(
    ("bounced_at", "tasks"),
    [(None, []), (NOW, [(TaskOrigin.REMINDER_NOT_DELIVERED, date(2026, 12, 10))])],
)
def test_proof_outlives_the_mail_of_who_takes_back(contract, stopped, bounced_at, tasks):
    OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).delete()
    RenewalReminder.objects.update(accepted_at=NOW, bounced_at=bounced_at)

    take_back_standing(contract, instant_on(date(2026, 12, 10)))

    assert not OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).exists()
    assert retention_tasks() == tasks


def test_whose_reminder_had_failed_is_called_at_once(contract, stopped):
    OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).update(state="failed", finished_at=NOW)

    take_back_standing(contract, instant_on(date(2026, 12, 10)))

    stopped.refresh_from_db()
    assert stopped.state == "undelivered"
    assert retention_tasks() == [(TaskOrigin.REMINDER_NOT_DELIVERED, date(2026, 12, 10))]


@pytest.mark.parametrize("state", ["queued", "accepted"])
def test_whom_the_reminder_reaches_anyway_is_told_once(contract, stopped, state):
    finished = None if state == "queued" else NOW
    OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).update(state=state, finished_at=finished)

    take_back_standing(contract, instant_on(date(2026, 12, 10)))

    assert OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).count() == 1
    assert retention_tasks() == []


def test_end_of_a_feed_comes_sooner_by_a_cancellation_and_never_later(contract):
    Contract.objects.update(ends_on=date(2026, 9, 30))
    error = refused(DayNotPossible, receive, contract)
    assert str(error) == "A feed ends this contract on Sept. 30, 2026 already, which is sooner."

    cancellation = receive(contract, EXTRAORDINARY)
    refused(
        DayNotPossible,
        decide_cancellation,
        cancellation_id=cancellation.pk,
        effective_on=date(2026, 10, 1),
        at=NOW,
    )
    decide_cancellation(cancellation_id=cancellation.pk, effective_on=date(2026, 8, 31), at=NOW)
    contract.refresh_from_db()
    assert contract.ends_on == date(2026, 8, 31)

    take_back_cancellation(cancellation_id=cancellation.pk, at=NOW)
    contract.refresh_from_db()
    assert contract.ends_on == date(2026, 9, 30)


def test_end_that_came_with_a_feed_changes_there(contract):
    with pytest.raises(NotCancelled, match="This contract is not cancelled"):
        standing_cancellation(contract)
    contract.ends_on = date(2026, 9, 30)
    contract.save()
    with pytest.raises(NotCancelled, match="came with a feed"):
        standing_cancellation(contract)

    cancellation = Cancellation.objects.create(
        contract=contract,
        kind=ORDINARY,
        origin="feed",
        received_at=NOW,
        entered_at=NOW,
        effective_on=contract.ends_on,
    )
    refused(EndCameWithFeed, take_back_cancellation, cancellation_id=cancellation.pk, at=NOW)


def test_timeline_says_what_was_cancelled_and_until_when(contract):
    cancellation = receive(contract)
    take_back_cancellation(cancellation_id=cancellation.pk, at=NOW)

    moments = [moment_of_event(event) for event in contract.timeline.order_by("-id")[:2]]

    assert [(str(moment.what), moment.detail) for moment in moments] == [
        ("Cancellation taken back", "Jan. 14, 2027"),
        ("Cancellation received", "Ordinary notice – Jan. 14, 2027"),
    ]
