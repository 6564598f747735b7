"""Cancelling, deciding and taking back, through the services."""

from datetime import date, datetime, timedelta
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.enums import AfterTerm, CancellationKind, ContractState, TaskOrigin, TaskState
from accounts.models import (
    Cancellation,
    CancellationReason,
    Contract,
    Task,
)
from accounts.selectors.revenue import revenue_of
from accounts.services.cancellations import (
    CancellationIsDecided,
    CancellationStands,
    DayNotPossible,
    LastDayIsOver,
    ReasonUnknown,
    WithdrawalNotPossible,
    decide_cancellation,
)
from accounts.services.contracts import ContractIsOver
from cxcrm.base.clock import instant_on
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


def test_ordinary_notice_ends_the_contract_with_its_term(contract):
    reason = CancellationReason.objects.get(code="price")
    agent = UserFactory()

    cancellation = receive(
        contract, reason_id=reason.pk, comment="Too dear", wished_on=date(2026, 9, 1), actor=agent
    )

    contract.refresh_from_db()
    assert (contract.ends_on, contract.state) == (date(2027, 1, 14), ContractState.RUNNING)
    assert (contract.renewal_date, contract.remind_on) == (None, None)
    cancellation.refresh_from_db()
    assert (cancellation.effective_on, cancellation.wished_on) == (
        date(2027, 1, 14),
        date(2026, 9, 1),
    )
    assert (cancellation.origin, cancellation.comment, cancellation.entered_by) == (
        "agent",
        "Too dear",
        agent,
    )
    assert (cancellation.received_at, cancellation.entered_at) == (NOW, NOW)
    assert events(contract) == [
        (
            "contract_cancelled",
            {"effective_on": "2027-01-14", "cancellation_kind": "ordinary", "reason": "price"},
        )
    ]
    assert contract.timeline.get(kind="contract_cancelled").actor == agent
    assert not Task.objects.exists()


def test_day_of_receipt_counts_and_not_that_of_entering(contract):
    in_time, entered = instant_on(date(2026, 12, 14)), instant_on(date(2026, 12, 20))

    cancellation = receive(contract, received_at=in_time, at=entered)

    assert cancellation.effective_on == date(2027, 1, 14)


def test_day_of_receipt_is_that_of_the_customers_zone(contract):
    contract.account.time_zone = "America/Los_Angeles"
    contract.account.save()
    last_minute = datetime(2026, 12, 14, 23, 59, tzinfo=ZoneInfo("America/Los_Angeles"))

    cancellation = receive(contract, received_at=last_minute, at=last_minute)

    assert cancellation.effective_on == date(2027, 1, 14)


@pytest.mark.parametrize("kind", [EXTRAORDINARY, SWITCH])
def test_agent_decides_later_and_the_task_closes_itself(contract, kind):
    cancellation = receive(contract, kind)
    contract.refresh_from_db()
    task = Task.objects.get()
    assert (cancellation.effective_on, contract.ends_on) == (None, None)
    assert (task.origin, task.pool, task.due_on, task.contract, task.state) == (
        TaskOrigin.CANCELLATION_TO_DECIDE,
        "retention",
        date(2026, 6, 3),
        contract,
        TaskState.OPEN,
    )

    decide_cancellation(cancellation_id=cancellation.pk, effective_on=date(2026, 7, 3), at=NOW)

    contract.refresh_from_db()
    task.refresh_from_db()
    assert contract.ends_on == date(2026, 7, 3)
    assert (task.state, task.result, task.done_at) == ("done", "The last day is decided.", NOW)
    assert [kind for kind, _facts in events(contract)] == [
        "contract_cancelled",
        "cancellation_decided",
        "task_done",
    ]
    assert events(contract)[1][1] == {"effective_on": "2026-07-03"}


def test_agent_decides_at_once(contract):
    cancellation = receive(contract, EXTRAORDINARY, effective_on=TODAY)

    contract.refresh_from_db()
    assert (cancellation.effective_on, contract.ends_on) == (TODAY, TODAY)
    assert not Task.objects.exists()


def test_task_that_was_closed_by_hand_stays_as_it_is(contract):
    cancellation = receive(contract, SWITCH)
    Task.objects.update(state=TaskState.DONE, done_at=NOW, result="Talked to them.")

    decide_cancellation(cancellation_id=cancellation.pk, effective_on=TODAY, at=NOW)

    assert Task.objects.get().result == "Talked to them."


@pytest.mark.parametrize(
    ("kind", "wished", "first", "last"),
    [
        (EXTRAORDINARY, None, TODAY, date(2036, 6, 1)),
        (SWITCH, None, TODAY, date(2026, 8, 1)),
        (SWITCH, date(2026, 10, 1), TODAY, date(2026, 10, 1)),
    ],
)
def test_agents_decide_within_the_bounds_of_the_kind(contract, kind, wished, first, last):
    cancellation = receive(contract, kind, wished_on=wished)
    decide = {"cancellation_id": cancellation.pk, "at": NOW}
    for day in (first - timedelta(days=1), last + timedelta(days=1)):
        error = refused(DayNotPossible, decide_cancellation, effective_on=day, **decide)
        assert error.field == "effective_on"

    for day in (first, last):
        with transaction.atomic():
            decide_cancellation(effective_on=day, **decide)
            assert Contract.objects.get(pk=contract.pk).ends_on == day
            transaction.set_rollback(True)


def test_agent_decides_no_day_before_the_start():
    contract = ContractFactory(starts_on=date(2026, 7, 1))

    error = refused(DayNotPossible, receive, contract, EXTRAORDINARY, effective_on=TODAY)

    assert (str(error), error.field) == ("The last day lies before the start.", "effective_on")
    receive(contract, EXTRAORDINARY, effective_on=date(2026, 7, 1))


@pytest.mark.parametrize("kind", [ORDINARY, WITHDRAWAL])
def test_where_the_terms_decide_an_agent_does_not(kind):
    contract = ContractFactory(
        account__customer_kind="consumer", starts_on=TODAY, concluded_on=TODAY
    )

    error = refused(DayNotPossible, receive, contract, kind, effective_on=date(2026, 8, 1))

    assert error.field == "effective_on"


def test_what_is_decided_is_not_decided_again(contract):
    cancellation = receive(contract)

    refused(
        CancellationIsDecided,
        decide_cancellation,
        cancellation_id=cancellation.pk,
        effective_on=TODAY,
        at=NOW,
    )


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"received_at": NOW + timedelta(minutes=1)}, "received_at"),
        ({"received_at": NOW - timedelta(days=367)}, "received_at"),
        ({"wished_on": date(2026, 5, 31)}, "wished_on"),
        (
            {"received_at": instant_on(date(2026, 5, 20)), "wished_on": date(2026, 5, 25)},
            "wished_on",
        ),
        ({"wished_on": date(2036, 6, 2)}, "wished_on"),
        ({"wished_on": date.max}, "wished_on"),
        ({"kind": EXTRAORDINARY, "effective_on": date.max}, "effective_on"),
        ({"kind": SWITCH, "effective_on": date.max}, "effective_on"),
    ],
)
def test_days_that_cannot_be_are_refused_beside_their_field(contract, details, field):
    assert refused(DayNotPossible, receive, contract, **details).field == field


def test_unknown_reason_is_refused(contract):
    assert refused(ReasonUnknown, receive, contract, reason_id=0).field == "reason"


def test_contract_is_cancelled_once(contract):
    receive(contract)

    refused(CancellationStands, receive, contract)
    with pytest.raises(IntegrityError), transaction.atomic():
        Cancellation.objects.create(
            contract=contract,
            kind=ORDINARY,
            origin="agent",
            received_at=NOW,
            entered_at=NOW,
            effective_on=TODAY,
        )


@pytest.mark.parametrize("state", [ContractState.ENDED, ContractState.WITHDRAWN])
def test_contract_that_is_over_is_not_cancelled(contract, state):
    Contract.objects.update(state=state, ends_on=TODAY)

    refused(ContractIsOver, receive, contract)


def test_consumer_withdraws_and_nothing_is_left_to_remind_of():
    contract = consumer_contract()

    cancellation = receive(contract, WITHDRAWAL)

    contract.refresh_from_db()
    assert cancellation.effective_on == TODAY
    assert (contract.state, contract.ends_on) == (ContractState.WITHDRAWN, None)
    assert (contract.renewal_date, contract.remind_on) == (None, None)
    for day in (TODAY, date(2026, 12, 1)):
        assert revenue_of(contract.account, on=day, today=TODAY).by_currency == []


@pytest.mark.parametrize(
    ("customer_kind", "concluded_on", "possible"),
    [
        ("consumer", date(2026, 5, 18), True),
        ("consumer", date(2026, 5, 17), False),
        ("consumer", date(2026, 6, 2), False),
        ("business", date(2026, 5, 30), False),
    ],
)
def test_only_consumers_withdraw_and_within_14_days(customer_kind, concluded_on, possible):
    contract = ContractFactory(
        account__customer_kind=customer_kind, starts_on=date(2026, 7, 1), concluded_on=concluded_on
    )
    if possible:
        receive(contract, WITHDRAWAL)
    else:
        assert refused(WithdrawalNotPossible, receive, contract, WITHDRAWAL).field == "kind"


def test_withdrawal_has_no_wished_day():
    error = refused(
        DayNotPossible, receive, consumer_contract(), WITHDRAWAL, wished_on=date(2026, 7, 1)
    )
    assert error.field == "wished_on"


def test_cancelled_contract_runs_through_a_renewal_before_its_last_day():
    contract = ContractFactory(after_term=AfterTerm.RENEWS, first_term_months=3)

    cancellation = receive(contract, wished_on=date(2027, 6, 1))

    contract.refresh_from_db()
    assert cancellation.effective_on == date(2028, 4, 14)
    assert contract.renewal_date == date(2027, 4, 15)


def test_switch_of_a_contract_that_starts_in_three_months_can_be_decided():
    contract = ContractFactory(starts_on=date(2026, 9, 1))
    cancellation = receive(contract, SWITCH)

    decide_cancellation(cancellation_id=cancellation.pk, effective_on=date(2026, 9, 1), at=NOW)

    contract.refresh_from_db()
    assert contract.ends_on == date(2026, 9, 1)


def test_consumer_who_gave_notice_may_still_withdraw():
    contract = consumer_contract()
    notice = receive(contract)
    agent = UserFactory()

    withdrawal = receive(contract, WITHDRAWAL, actor=agent)

    contract.refresh_from_db()
    notice.refresh_from_db()
    assert (contract.state, contract.ends_on) == (ContractState.WITHDRAWN, None)
    assert (notice.taken_back_at, notice.taken_back_by) == (NOW, agent)
    assert notice.receipt.keys() == {"received"}
    assert list(contract.cancellations.standing()) == [withdrawal]
    assert [kind for kind, _facts in events(contract)] == [
        "contract_cancelled",
        "cancellation_taken_back",
        "contract_cancelled",
    ]


def test_notice_stands_where_the_withdrawal_comes_too_late():
    contract = consumer_contract()
    receive(contract)
    late = instant_on(date(2026, 6, 4))

    refused(WithdrawalNotPossible, receive, contract, WITHDRAWAL, received_at=late, at=late)


@pytest.mark.parametrize(
    ("first", "second"), [(EXTRAORDINARY, WITHDRAWAL), (WITHDRAWAL, ORDINARY), (ORDINARY, SWITCH)]
)
def test_nothing_else_replaces_what_stands(first, second):
    contract = consumer_contract()
    receive(contract, first)
    error = ContractIsOver if first == WITHDRAWAL else CancellationStands

    refused(error, receive, contract, second)


def test_whoever_asks_back_is_told_that_the_last_day_is_over(contract):
    received = {"received_at": instant_on(date(2026, 5, 1)), "effective_on": date(2026, 5, 31)}

    error = refused(
        LastDayIsOver, receive, contract, EXTRAORDINARY, past_is_meant=False, **received
    )
    assert error.field == "past_is_meant"
    assert "May 31, 2026" in str(error)

    assert receive(contract, EXTRAORDINARY, **received).effective_on == date(2026, 5, 31)


def test_whoever_asks_back_is_not_bothered_by_a_last_day_that_is_today(contract):
    receive(contract, EXTRAORDINARY, effective_on=TODAY, past_is_meant=False)

    contract.refresh_from_db()
    assert contract.ends_on == TODAY


@pytest.mark.django_db(transaction=True)
def test_of_two_agents_who_cancel_at_once_one_is_refused():
    contract = ContractFactory()
    start, outcomes = Barrier(2), []

    def enter(kind: CancellationKind) -> None:
        try:
            start.wait()
            outcomes.append(receive(contract, kind).kind)
        except CancellationStands:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=enter, args=[kind]) for kind in (ORDINARY, SWITCH)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes, key=lambda outcome: outcome == "refused")[1] == "refused"
    assert [Cancellation.objects.get().kind] == [
        outcome for outcome in outcomes if outcome != "refused"
    ]
    assert contract.timeline.filter(kind="contract_cancelled").count() == 1
