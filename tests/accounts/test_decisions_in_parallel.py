"""Two clicks at once: one keeping, one cancellation, no try too many."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import Cancellation, DecisionCode
from accounts.services.decision_codes import DECISION_CODE, MOST_CODES, TooManyCodes
from accounts.services.decisions import (
    CodeIsVoid,
    CodeIsWrong,
    NothingToDecide,
    cancel_by_code,
    keep_contract,
    send_decision_code,
)
from accounts.services.receipts import CANCELLATION_RECEIPT
from cxcrm.outbox.models import OutgoingMail
from tests.accounts.deciding import (
    LAST_DAY,
    READ_AT,
    have_policy,
    newest_digits,
    remind,
    wrong_digits,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reminder():
    have_policy()
    return remind()


def at_once(times: int, deed) -> list:
    """What each of so many simultaneous calls answered or raised."""
    start = Barrier(times)

    def call(_):
        try:
            start.wait()
            return deed()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(call, range(times)))


def cancel_with(reminder, digits):
    return cancel_by_code(
        reminder_id=reminder.pk, digits=digits, told_last_day=LAST_DAY, at=READ_AT
    )


def kinds_of(answers: list) -> list[str]:
    return sorted(type(answer).__name__ for answer in answers)


def test_two_posts_keep_once(reminder):
    answers = at_once(2, lambda: keep_contract(reminder_id=reminder.pk, at=READ_AT))

    assert answers == [None, None]
    assert reminder.contract.timeline.filter(kind="contract_kept").count() == 1


def test_two_final_posts_make_one_cancellation_and_one_receipt(reminder):
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)
    digits = newest_digits(reminder)

    answers = at_once(2, lambda: cancel_with(reminder, digits))

    assert kinds_of(answers) == [Cancellation.__name__, NothingToDecide.__name__]
    assert Cancellation.objects.count() == 1
    assert OutgoingMail.objects.filter(kind=CANCELLATION_RECEIPT).count() == 1


def test_ten_guesses_at_once_are_five_tries(reminder):
    send_decision_code(reminder_id=reminder.pk, at=READ_AT)
    wrong = wrong_digits(reminder)

    answers = at_once(10, lambda: cancel_with(reminder, wrong))

    assert kinds_of(answers) == [CodeIsVoid.__name__] * 5 + [CodeIsWrong.__name__] * 5
    assert DecisionCode.objects.get().wrong_tries == 5


def test_five_requests_at_once_mail_three_codes(reminder):
    answers = at_once(5, lambda: send_decision_code(reminder_id=reminder.pk, at=READ_AT))

    assert kinds_of(answers) == [DecisionCode.__name__] * 3 + [TooManyCodes.__name__] * 2
    assert OutgoingMail.objects.filter(kind=DECISION_CODE).count() == MOST_CODES
