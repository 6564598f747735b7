"""Several mails at the same time, each over a connection of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection

from cxcrm.outbox.enums import MailReason, MailState
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import DeliveryCounts, deliver_mails, kinds
from cxcrm.outbox.services.delivery import turns
from tests.outbox.letters import NOW, in_own_connection, mail
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def two_connections(settings) -> Iterator[None]:
    settings.CXCRM_MAIL_CONNECTIONS = 2
    settings.EMAIL_TIMEOUT = 10
    yield
    cache.clear()


def addresses(count: int) -> list[str]:
    return [f"p{number}@example.com" for number in range(1, count + 1)]


def is_alone_in_the_database() -> bool:
    """But for the server's own processes, such as autovacuum."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone() == (0,)


def test_deliver_hands_over_as_many_mails_at_the_same_time_as_it_has_connections(letters, relay):
    letters.queue(*addresses(2))
    # Each waits for the other.
    relay.hangs = dict.fromkeys(addresses(2), 1)

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=2)

    assert relay.connections == 2


def test_deliver_opens_no_more_connections_than_there_are_mails(letters, relay):
    letters.queue("a@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)

    assert relay.connections == 1


def test_deliver_leaves_no_connection_to_the_database_open(letters, relay):
    letters.queue(*addresses(50))

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=50)

    assert sorted(relay.recipients) == sorted(addresses(50))
    # The server takes a moment to notice that a client has gone.
    wait_until(is_alone_in_the_database, 10, "the end of the other connections")


def test_one_mail_that_hangs_does_not_hold_up_the_others_even_beyond_the_end_of_the_turn(
    letters, relay, monkeypatch
):
    """F13. The mail is answered when all others have come; else it runs into the timeout."""
    monkeypatch.setattr(turns, "HANGS_AFTER", 0.2)
    letters.queue(*addresses(45))
    relay.hangs["p1@example.com"] = 44

    assert deliver_mails(at=NOW, seconds=0.05) == DeliveryCounts(accepted=45)


def test_deliver_stops_all_connections_when_the_relay_goes_away(letters, settings):
    settings.EMAIL_BACKEND = "cxcrm.outbox.services.delivery.relay.RelayBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    letters.queue(*addresses(30))

    assert deliver_mails(at=NOW) == DeliveryCounts(released=20)

    assert list(OutgoingMail.objects.values_list("state", "attempt").distinct()) == [
        (MailState.QUEUED, 0)
    ]


def test_an_error_in_one_connection_ends_the_others_and_is_raised(letters, relay):
    letters.queue(*addresses(40))

    def fail() -> None:
        if len(relay.log) >= 5:
            raise OperationalError("the database is gone")

    letters.while_writing = fail

    with pytest.raises(OperationalError):
        deliver_mails(at=NOW)

    # Those that had passed the point when the fifth arrived.
    assert 5 <= len(relay.log) <= 6


def test_two_processes_with_two_connections_send_each_mail_once(letters, relay):
    letters.queue(*addresses(100))

    with ThreadPoolExecutor(2) as processes:
        runs = [
            processes.submit(in_own_connection, lambda: deliver_mails(at=NOW)) for _run in range(2)
        ]
        counts = [run.result(timeout=60) for run in runs]

    assert sum(count.accepted for count in counts) == 100
    assert sorted(relay.recipients) == sorted(addresses(100))
    assert mail().state == MailState.ACCEPTED


@pytest.mark.parametrize(
    ("code", "counts", "reason"),
    [
        ("23505", DeliveryCounts(accepted=29, failed=1), MailReason.NOT_WRITTEN),
        ("22003", DeliveryCounts(accepted=29, failed=1), MailReason.NOT_WRITTEN),
        # No such column: the database is of another release, which is no fault of the mail.
        ("42703", DeliveryCounts(accepted=29, released=1), ""),
    ],
    ids=["IntegrityError", "DataError", "ProgrammingError"],
)
def test_a_database_error_of_one_mail_does_not_end_the_turn(letters, relay, code, counts, reason):
    letters.queue(*addresses(30))
    facts = letters.facts

    def facts_with_poison(subject_id, at):
        if subject_id == 7:
            with connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$")
        return facts(subject_id, at)

    kinds._kinds["letter"] = replace(kinds.mail_kind("letter"), facts=facts_with_poison)

    assert deliver_mails(at=NOW) == counts

    assert mail(7).reason == reason
