from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cxcrm.outbox.services import DeliveryCounts, deliver_mails
from cxcrm.outbox.sql.mails import claim_due_mails
from tests.outbox.letters import NOW, in_own_connection


def claim(worker: str) -> list[int]:
    claims = claim_due_mails(worker=worker, lease_seconds=60, limit=20)
    return [claim.subject_id for claim in claims]


@pytest.mark.django_db(transaction=True)
def test_claims_pass_over_rows_that_another_worker_is_taking(letters):
    letters.queue(*(f"p{number}@example.com" for number in range(1, 31)))

    with ThreadPoolExecutor(1) as other, transaction.atomic():
        mine = claim("one:1")
        theirs = other.submit(in_own_connection, claim, "two:2").result(timeout=10)

    assert (mine, theirs) == (list(range(1, 21)), list(range(21, 31)))


@pytest.mark.django_db
def test_claims_take_what_somebody_waits_for_first(letters, code):
    letters.queue(*(f"p{number}@example.com" for number in range(1, 31)))
    letters.queue("a@example.com", "b@example.com", kind=code)

    assert claim("one:1") == [1, 2, *range(1, 19)]
    assert claim("one:1") == list(range(19, 31))


@pytest.mark.django_db
def test_claims_take_no_more_than_the_limit_of_what_somebody_waits_for(letters, code):
    letters.queue("p@example.com")
    letters.queue(*(f"p{number}@example.com" for number in range(1, 26)), kind=code)

    assert claim("one:1") == list(range(1, 21))
    assert claim("one:1") == [*range(21, 26), 1]


@pytest.mark.django_db(transaction=True)
def test_claims_lock_no_more_than_they_take(letters, code):
    letters.queue(*(f"p{number}@example.com" for number in range(1, 31)))
    letters.queue("a@example.com", kind=code)

    with ThreadPoolExecutor(1) as other, transaction.atomic():
        mine = claim("one:1")
        theirs = other.submit(in_own_connection, claim, "two:2").result(timeout=10)

    assert (mine, theirs) == ([1, *range(1, 20)], list(range(20, 31)))


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_mail_once(letters, relay):
    addresses = [f"p{number}@example.com" for number in range(100)]
    letters.queue(*addresses)

    with ThreadPoolExecutor(2) as workers:
        runs = [workers.submit(in_own_connection, deliver) for _worker in range(2)]
        counts = [run.result(timeout=60) for run in runs]

    assert sum(count.accepted for count in counts) == 100
    assert sorted(relay.recipients) == sorted(addresses)


def deliver() -> DeliveryCounts:
    return deliver_mails(at=NOW)


@pytest.mark.django_db
def test_claims_read_the_indexes_of_what_is_due(letters):
    letters.queue(*(f"p{number}@example.com" for number in range(50)))
    with CaptureQueriesContext(connection) as asked:
        claim("one:1")

    with connection.cursor() as cursor:
        # A table of 50 rows is read as a whole, unless that is forbidden.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + asked.captured_queries[0]["sql"])
        plan = [line.strip() for [line] in cursor.fetchall()]

    for index in ("mail_due_urgent", "mail_due"):
        [scan] = [n for n, line in enumerate(plan) if f"Index Scan using {index} on" in line]
        assert "LockRows" in plan[scan - 1]
        assert plan[scan + 1] == "Index Cond: (due_at <= statement_timestamp())"
