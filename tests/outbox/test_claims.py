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
def test_claims_read_the_index_of_what_is_due(letters):
    letters.queue(*(f"p{number}@example.com" for number in range(50)))
    with CaptureQueriesContext(connection) as asked:
        claim("one:1")

    with connection.cursor() as cursor:
        # A table of 50 rows is read as a whole, unless that is forbidden.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + asked.captured_queries[0]["sql"])
        plan = [line.strip() for [line] in cursor.fetchall()]

    [scan] = [number for number, line in enumerate(plan) if "Index Scan using mail_due" in line]
    assert "LockRows" in plan[scan - 1]
    assert plan[scan + 1] == "Index Cond: (due_at <= statement_timestamp())"
