"""Keeping and cancelling by the link in a reminder: what the services do and refuse."""

from datetime import date, timedelta

import pytest

from accounts.enums import CancellationKind, CancellationOrigin, ContractState
from accounts.models import Cancellation, DecisionCode, ReminderPolicy, RenewalReminder, Task
from accounts.services.cancellations import DayNotPossible, take_back_cancellation
from accounts.services.contracts import advance_contracts
from accounts.services.decision_codes import (
    DECISION_CODE,
    NoAddressForCode,
    TooManyCodes,
    decision_code_facts,
    decision_code_refusal,
    decision_code_secrets,
)
from accounts.services.decision_links import decision_path, reminder_secrets
from accounts.services.decisions import (
    CodeIsVoid,
    CodeIsWrong,
    LastDayChanged,
    LinkState,
    NothingToDecide,
    cancel_by_code,
    keep_contract,
    load_decision,
    send_decision_code,
)
from accounts.services.receipts import CANCELLATION_RECEIPT
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import mark_bounced
from tests.accounts.deciding import (
    DEADLINE,
    LAST_DAY,
    READ_AT,
    RENEWAL,
    newest_digits,
    remind,
    wrong_digits,
)
from tests.factories import AccountFactory, ContactFactory, ContractFactory, cancel

pytestmark = pytest.mark.django_db


@pytest.fixture
def reminder():
    return remind(address="rosa@morgenrot.example")


def kept_events(reminder) -> int:
    return reminder.contract.timeline.filter(kind="contract_kept").count()


def cancel_with(reminder, digits, *, told_last_day=LAST_DAY, at=READ_AT, **answers):
    return cancel_by_code(
        reminder_id=reminder.pk, digits=digits, told_last_day=told_last_day, at=at, **answers
    )


def test_keeping_is_noted_once_and_the_first_time_stays(reminder):
    keep_contract(reminder_id=reminder.pk, at=READ_AT)
    keep_contract(reminder_id=reminder.pk, at=READ_AT + timedelta(hours=1))

    reminder.refresh_from_db()
    assert reminder.kept_at == READ_AT
    event = reminder.contract.timeline.get(kind="contract_kept")
    assert event.facts == {"renewal_date": "2027-01-15", "contact_id": reminder.contact_id}


def test_renewal_is_kept_whichever_steps_link_said_so(reminder):
    second = RenewalReminder.objects.create(
        contract=reminder.contract,
        contact=reminder.contact,
        renewal_date=RENEWAL,
        step=2,
        state="planned",
        due_on=DEADLINE,
        decided_on=DEADLINE,
        decided_at=READ_AT,
    )
    keep_contract(reminder_id=reminder.pk, at=READ_AT)

    keep_contract(reminder_id=second.pk, at=READ_AT + timedelta(days=1))

    assert load_decision(reminder_id=second.pk, at=READ_AT).kept_at == READ_AT
    assert kept_events(reminder) == 1


def test_keeping_leaves_the_contract_as_it_is(reminder):
    before = type(reminder.contract).objects.values().get()

    keep_contract(reminder_id=reminder.pk, at=READ_AT)

    assert type(reminder.contract).objects.values().get() == before


def test_code_cancels_as_an_ordinary_notice_received_from_the_customer(reminder):
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)

    cancellation = cancel_with(reminder, newest_digits(reminder))

    assert (
        cancellation.kind,
        cancellation.origin,
        cancellation.received_at,
        cancellation.effective_on,
        cancellation.entered_by,
    ) == (CancellationKind.ORDINARY, CancellationOrigin.CUSTOMER, READ_AT, LAST_DAY, None)
    receipt = OutgoingMail.objects.get(kind=CANCELLATION_RECEIPT)
    assert receipt.address.address == "rosa@morgenrot.example"
    assert DecisionCode.objects.get().used_at == READ_AT


def test_wished_day_ends_the_contract_on_the_next_possible_day(reminder):
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)

    cancellation = cancel_with(reminder, newest_digits(reminder), wished_on=date(2027, 3, 1))

    assert cancellation.effective_on == date(2028, 1, 14)


def test_wished_day_that_is_impossible_leaves_the_code_good(reminder):
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)
    digits = newest_digits(reminder)

    with pytest.raises(DayNotPossible) as refusal:
        cancel_with(reminder, digits, wished_on=date(2026, 12, 1))

    assert refusal.value.field == "wished_on"
    assert cancel_with(reminder, digits).effective_on == LAST_DAY


def test_code_is_good_for_fifteen_minutes(reminder):
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)
    digits = newest_digits(reminder)

    with pytest.raises(CodeIsVoid):
        cancel_with(reminder, digits, at=READ_AT + timedelta(minutes=15))

    cancel_with(reminder, digits, at=READ_AT + timedelta(minutes=14, seconds=59))
    assert Cancellation.objects.count() == 1


def test_code_is_void_after_five_wrong_tries(reminder):
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)
    for _ in range(5):
        with pytest.raises(CodeIsWrong) as refusal:
            cancel_with(reminder, wrong_digits(reminder))
        assert refusal.value.field == "code"

    with pytest.raises(CodeIsVoid):
        cancel_with(reminder, newest_digits(reminder))

    assert DecisionCode.objects.get().wrong_tries == 5
    assert not Cancellation.objects.exists()


def test_fifth_try_may_be_right(reminder):
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)
    for _ in range(4):
        with pytest.raises(CodeIsWrong):
            cancel_with(reminder, wrong_digits(reminder))

    assert cancel_with(reminder, newest_digits(reminder)).effective_on == LAST_DAY


def test_new_code_makes_the_older_void(reminder):
    first = send_decision_code(reminder_id=reminder.pk, at=READ_AT)
    older = newest_digits(reminder)
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)

    with pytest.raises(CodeIsWrong):
        cancel_with(reminder, older)

    assert decision_code_refusal(first.pk, READ_AT) == "A newer code was asked for."


def test_code_of_another_reminder_does_not_fit(reminder):
    other = remind()
    send_decision_code(reminder_id=other.pk, at=READ_AT)
    with pytest.raises(CodeIsVoid):
        cancel_with(reminder, newest_digits(other))

    send_decision_code(reminder_id=reminder.pk, at=READ_AT)
    with pytest.raises(CodeIsWrong):
        cancel_with(reminder, newest_digits(other))


def test_used_code_does_not_cancel_again(reminder):
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)
    digits = newest_digits(reminder)
    cancellation = cancel_with(reminder, digits)
    take_back_cancellation(cancellation_id=cancellation.pk, at=READ_AT)

    with pytest.raises(CodeIsVoid):
        cancel_with(reminder, digits)


def test_three_codes_go_within_an_hour_and_the_fourth_after_it(reminder):
    for minute in (0, 10, 20):
        send_decision_code(reminder_id=reminder.pk, at=READ_AT + timedelta(minutes=minute))

    with pytest.raises(TooManyCodes):
        send_decision_code(reminder_id=reminder.pk, at=READ_AT + timedelta(minutes=59))

    send_decision_code(reminder_id=reminder.pk, at=READ_AT + timedelta(minutes=60))
    assert OutgoingMail.objects.filter(kind=DECISION_CODE).count() == 4


def test_code_is_mailed_to_the_reader_and_stands_in_no_row(reminder):
    code = send_decision_code(reminder_id=reminder.pk, at=READ_AT)

    mail = OutgoingMail.objects.get(kind=DECISION_CODE)
    assert (mail.address.address, mail.subject_id) == ("rosa@morgenrot.example", code.pk)
    assert mail.useful_until == READ_AT + timedelta(minutes=15)
    digits = decision_code_secrets(code.pk)["code"]
    assert digits == newest_digits(reminder)
    assert digits not in str(decision_code_facts(code.pk, READ_AT).values())


def test_code_that_ran_out_is_not_mailed_any_more(reminder):
    code = send_decision_code(reminder_id=reminder.pk, at=READ_AT)

    assert decision_code_refusal(code.pk, READ_AT) is None
    assert (
        decision_code_refusal(code.pk, READ_AT + timedelta(minutes=15))
        == "The code is not valid any more."
    )


def test_no_code_goes_to_an_address_that_is_dead(reminder):
    mark_bounced(address_id=reminder.contact.address_id, reason="550", at=READ_AT)

    with pytest.raises(NoAddressForCode):
        send_decision_code(reminder_id=reminder.pk, at=READ_AT)


def test_nobody_agrees_to_another_last_day_than_the_page_told(reminder):
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)
    after_deadline = instant_on(DEADLINE + timedelta(days=1))
    send_decision_code(reminder_id=reminder.pk, at=after_deadline)
    digits = newest_digits(reminder)

    with pytest.raises(LastDayChanged):
        cancel_with(reminder, digits, at=after_deadline)

    told = load_decision(reminder_id=reminder.pk, at=after_deadline).last_day
    assert told == date(2028, 1, 14)
    cancellation = cancel_with(reminder, digits, told_last_day=told, at=after_deadline)
    assert cancellation.effective_on == told


def freed(reminder) -> RenewalReminder:
    """By a policy whose window the reminder has missed."""
    reminder.policy = ReminderPolicy.objects.create(
        name="Missed windows free", missed_window_frees=True, country="FR", region="", brand=None
    )
    reminder.latest_on = reminder.decided_on - timedelta(days=1)
    reminder.save()
    return reminder


def test_freed_customer_leaves_after_the_deadline_and_an_agent_decides_the_day(reminder):
    after_deadline = instant_on(DEADLINE + timedelta(days=1))
    freed(reminder)
    send_decision_code(reminder_id=reminder.pk, at=after_deadline)

    cancellation = cancel_with(
        reminder, newest_digits(reminder), told_last_day=None, at=after_deadline
    )

    assert (cancellation.kind, cancellation.effective_on) == (CancellationKind.EXTRAORDINARY, None)
    assert Task.objects.filter(origin="cancellation_to_decide").count() == 1


def test_freed_customer_ends_with_the_term_until_the_deadline(reminder):
    freed(reminder)
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)

    assert cancel_with(reminder, newest_digits(reminder)).effective_on == LAST_DAY


def state_of(reminder, at=READ_AT) -> LinkState:
    return load_decision(reminder_id=reminder.pk, at=at).state


def nothing_is_left_to_decide(reminder, at=READ_AT) -> None:
    with pytest.raises(NothingToDecide):
        keep_contract(reminder_id=reminder.pk, at=at)
    with pytest.raises(NothingToDecide):
        send_decision_code(reminder_id=reminder.pk, at=at)
    with pytest.raises(NothingToDecide):
        cancel_with(reminder, "123456", at=at)
    assert kept_events(reminder) == 0
    assert not DecisionCode.objects.exists()


def test_cancelled_contract_is_not_decided_about(reminder):
    cancel(reminder.contract, date(2027, 3, 1), at=READ_AT)

    assert state_of(reminder) == LinkState.CANCELLED
    nothing_is_left_to_decide(reminder)


def test_contract_whose_last_day_waits_for_an_agent_is_not_decided_about(reminder):
    cancel(reminder.contract, None, at=READ_AT)

    assert state_of(reminder) == LinkState.CANCELLED
    nothing_is_left_to_decide(reminder)


def test_ended_contract_is_not_decided_about(reminder):
    cancel(reminder.contract, READ_AT.date(), at=READ_AT)
    tomorrow = READ_AT + timedelta(days=1)
    advance_contracts(at=tomorrow)
    reminder.contract.refresh_from_db()
    assert reminder.contract.state == ContractState.ENDED

    assert state_of(reminder, tomorrow) == LinkState.ENDED
    nothing_is_left_to_decide(reminder, tomorrow)


@pytest.mark.parametrize("is_renewed", [False, True])
def test_renewal_that_has_come_is_not_decided_about(reminder, is_renewed):
    at = instant_on(RENEWAL)
    if is_renewed:
        advance_contracts(at=at)

    assert state_of(reminder, at) == LinkState.PAST
    nothing_is_left_to_decide(reminder, at)


def test_link_is_open_to_the_last_day_of_the_term(reminder):
    assert state_of(reminder, instant_on(LAST_DAY)) == LinkState.OPEN


def test_day_is_that_of_the_customers_zone():
    contract = ContractFactory(account__time_zone="America/Los_Angeles")
    reminder = remind(contract)

    # 15 January in Berlin, still the 14th in California.
    assert state_of(reminder, instant_on(RENEWAL) - timedelta(hours=3)) == LinkState.OPEN


def test_reader_who_may_not_decide_any_more_decides_nothing(reminder):
    reminder.contact.may_decide = False
    reminder.contact.save()

    assert state_of(reminder) == LinkState.NOT_YOURS
    nothing_is_left_to_decide(reminder)


def test_reader_who_is_no_contact_any_more_decides_nothing(reminder):
    reminder.contact.delete()

    assert state_of(reminder) == LinkState.NOT_YOURS
    nothing_is_left_to_decide(reminder)


def test_reader_decides_nothing_once_the_contract_is_another_accounts(reminder):
    reminder.contract.account = AccountFactory(brand=reminder.contract.brand)
    reminder.contract.save()

    assert state_of(reminder) == LinkState.NOT_YOURS
    nothing_is_left_to_decide(reminder)


def test_reader_without_a_role_decides_while_nobody_else_is_there():
    reminder = remind(role="end_user")
    assert state_of(reminder) == LinkState.OPEN

    ContactFactory(account=reminder.contract.account, role="technical")
    assert state_of(reminder) == LinkState.NOT_YOURS


def test_mail_holds_the_link_below_the_configured_address(reminder, settings):
    settings.CXCRM_BASE_URL = "https://crm.example.com"

    assert reminder_secrets(reminder.pk) == {
        "decide_url": f"https://crm.example.com{decision_path(reminder.pk)}"
    }


def test_mail_to_a_reader_who_may_not_decide_has_no_link(reminder):
    reminder.contact.may_decide = False
    reminder.contact.save()

    assert reminder_secrets(reminder.pk) == {"decide_url": ""}
