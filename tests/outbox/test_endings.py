from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cxcrm.outbox.enums import BounceKind, BounceSource, MailReason, MailState
from cxcrm.outbox.services import (
    Bounce,
    Ending,
    UnknownMailKind,
    deliver_mails,
    kinds,
    note_bounce,
    take_endings,
)
from tests.outbox.letters import NOW, in_own_connection, mail

pytestmark = pytest.mark.django_db


@pytest.fixture
def letters(letters):
    kinds._kinds["letter"] = replace(kinds._kinds["letter"], is_noted=True)
    return letters


def ending(number: int, **fields) -> Ending:
    known = {
        "mail_id": mail(number).pk,
        "subject_id": number,
        "state": MailState.ACCEPTED,
        "reason": "",
        "finished_at": NOW,
        "relay": "",
        "outcome": "",
        "bounced_at": None,
    }
    return Ending(**(known | fields))


def test_take_endings_tells_each_end_once_with_its_proof(letters, relay, settings):
    letters.queue("a@example.com", "gone@example.com", "no@example.com", "later@example.com")
    relay.at_recipient["gone@example.com"] = "550 5.1.1 unknown"
    relay.at_recipient["later@example.com"] = "451 later"
    letters.refusals[3] = "The contract is over."
    assert take_endings(kind="letter", limit=10) == []

    deliver_mails(at=NOW)

    assert take_endings(kind="letter", limit=2) == [
        ending(1, relay=f"127.0.0.1:{settings.EMAIL_PORT}", outcome="250 2.0.0 OK: queued as 1"),
        ending(2, state=MailState.FAILED, reason=MailReason.REFUSED, outcome="550 5.1.1 unknown"),
    ]
    assert take_endings(kind="letter", limit=2) == [
        ending(
            3,
            state=MailState.SUPPRESSED,
            reason=MailReason.NOT_NEEDED,
            outcome="The contract is over.",
        ),
    ]
    assert take_endings(kind="letter", limit=2) == []


def test_take_endings_tells_again_of_a_mail_that_came_back(letters, relay):
    letters.queue("a@example.com")
    deliver_mails(at=NOW)
    take_endings(kind="letter", limit=10)
    later = NOW + timedelta(hours=1)

    note_bounce(
        bounce=Bounce(
            kind=BounceKind.HARD,
            source=BounceSource.MAILBOX,
            event_id="1",
            occurred_at=later,
            mail_id=mail().pk,
        ),
        at=later,
    )

    [again] = take_endings(kind="letter", limit=10)
    assert (again.subject_id, again.state, again.bounced_at) == (1, MailState.ACCEPTED, later)
    assert take_endings(kind="letter", limit=10) == []


def test_take_endings_knows_nothing_of_kinds_that_do_not_ask(letters, relay):
    letters.queue("a@example.com", kind="news")
    deliver_mails(at=NOW)

    assert mail().state == MailState.SUPPRESSED
    assert take_endings(kind="news", limit=10) == []
    with pytest.raises(UnknownMailKind):
        take_endings(kind="unheard_of", limit=10)


@pytest.mark.django_db(transaction=True)
def test_take_endings_gives_two_workers_different_ones_and_a_rollback_all_back(letters, relay):
    letters.queue(*(f"p{number}@example.com" for number in range(1, 7)))
    deliver_mails(at=NOW)

    def take(limit: int) -> list[int]:
        with transaction.atomic():
            return [taken.subject_id for taken in take_endings(kind="letter", limit=limit)]

    with ThreadPoolExecutor(1) as other, transaction.atomic():
        mine = [taken.subject_id for taken in take_endings(kind="letter", limit=3)]
        theirs = other.submit(in_own_connection, take, 3).result(timeout=10)
        transaction.set_rollback(True)

    assert (mine, theirs) == ([1, 2, 3], [4, 5, 6])
    assert take(10) == [1, 2, 3]


def test_take_endings_reads_the_index_of_what_is_to_be_noted(letters, relay):
    with CaptureQueriesContext(connection) as asked:
        take_endings(kind="letter", limit=10)
    with connection.cursor() as cursor:
        # An empty table is read as a whole, unless that is forbidden.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + asked.captured_queries[0]["sql"])
        plan = [line.strip() for [line] in cursor.fetchall()]

    [scan] = [number for number, line in enumerate(plan) if "using mail_to_note" in line]
    assert plan[scan + 1] == "Index Cond: ((kind)::text = 'letter'::text)"
