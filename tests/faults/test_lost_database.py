"""F08, F09: the database dies, throws everybody out, is full or locked while people work."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus

import psycopg
import pytest
from django.db import connection

from accounts.models import RenewalReminder
from cxcrm.outbox.models import OutgoingMail
from tests.faults.experiment import FEW_MAILS, FULL, Experiment, Outcome, only_in_full
from tests.faults.visitors import Visitors
from tests.processes.database import OwnPostgreSQL, connected_to, new_database, url_of
from tests.processes.deployment import Deployment
from tests.processes.fixtures import deployed
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

CRASHES = 3
SENDERS = 2
TERMINATIONS = 12 if FULL else 3
SECONDS_BETWEEN_TERMINATIONS = 5 if FULL else 2
SECONDS_OF_SHORTAGE = 60 if FULL else 6
ROUNDS_OF_TAKING = 3
TEMPLATE = "template_of_waves"
DATABASE = "wave"

# A claim that never runs out, as if there were no leases: who dies with it keeps it for good.
WITHOUT_LEASE = """
CREATE FUNCTION keep_for_good() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.due_at := now() + interval '1 year'; RETURN NEW; END $$;
CREATE TRIGGER keep_for_good BEFORE UPDATE ON outbox_outgoingmail
    FOR EACH ROW WHEN (NEW.state IN ('claimed', 'sending')) EXECUTE FUNCTION keep_for_good();
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory, migrated_database) -> Iterator[OwnPostgreSQL]:
    """With a migrated database to be copied."""
    server = OwnPostgreSQL(tmp_path_factory.mktemp("postgresql"))
    server.start()
    try:
        with new_database(TEMPLATE, server=server.url) as url:
            server.fill(url, url_of(migrated_database))
            yield server
    finally:
        server.stop()


@pytest.fixture
def deployment(tmp_path, server, django_db_blocker) -> Iterator[Deployment]:
    """As everywhere, on a database server that may be broken."""
    with (
        new_database(DATABASE, template=TEMPLATE, server=server.url) as url,
        django_db_blocker.unblock(),
        connected_to(DATABASE, host=str(server.sockets)),
        deployed(tmp_path, url) as deployment,
    ):
        yield deployment


def lose_the_database(deployment, server: OwnPostgreSQL, *, teeth: str = "") -> Outcome:
    """It crashes and recovers; then all sessions are ended, again and again."""
    if teeth:
        with connection.cursor() as cursor:
            cursor.execute(WITHOUT_LEASE)
    deployment.sink.behave("slow-250")
    wave = Experiment("F08", deployment, teeth)
    wave.plan_wave()
    deployment.start_beat()
    visitors = Visitors(deployment.start_web())
    deployment.start_worker(children=SENDERS)
    with visitors:
        for _ in wave.moments(1 if teeth else CRASHES):
            connection.close()
            server.crash_and_return()
            wave.kills += 1
        for _ in range(0 if teeth else TERMINATIONS):
            time.sleep(SECONDS_BETWEEN_TERMINATIONS)
            throw_out(server)
            wave.kills += 1
        recovers(visitors)
    wave.pages = visitors.visits
    return wave.settle()


def throw_out(server: OwnPostgreSQL) -> None:
    """End all sessions on our database, also the one of this process."""
    connection.close()
    with psycopg.connect(url_of("postgres", server.url), autocommit=True) as session:
        end_sessions(session)


def end_sessions(session: psycopg.Connection) -> None:
    session.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [DATABASE]
    )


def recovers(visitors: Visitors) -> None:
    """The desk answers again by itself."""
    desk = visitors.paths[3]
    wait_until(lambda: visitors.open(desk).status == HTTPStatus.OK, 60, "the desk is back")


def test_lost_database_loses_nothing_and_people_are_told_to_come_back(deployment, server, record):
    outcome = record(lose_the_database(deployment, server))
    outcome.keeps_the_promise(most_doubles=outcome.kills * SENDERS)
    # Nothing half written: each decision has its mail, and no mail is without one.
    subjects = OutgoingMail.objects.values_list("subject_id", flat=True)
    assert sorted(subjects) == sorted(RenewalReminder.objects.values_list("pk", flat=True))


def test_lost_database_without_leases_is_noticed(deployment, server, record):
    outcome = record(lose_the_database(deployment, server, teeth="lease"))
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=outcome.kills * SENDERS)


# --- F09: reported, not judged, but that nothing is lost and that it passes


@contextmanager
def every_connection_taken(server: OwnPostgreSQL) -> Iterator[None]:
    taken: list[psycopg.Connection] = []
    try:
        # What the application gives up is taken, until it has none.
        for _ in range(ROUNDS_OF_TAKING):
            if taken:
                end_sessions(taken[0])
            with suppress(psycopg.OperationalError):
                while True:
                    taken.append(psycopg.connect(url_of("postgres", server.url), autocommit=True))
        yield
    finally:
        for each in taken:
            each.close()


@contextmanager
def contracts_locked(server: OwnPostgreSQL) -> Iterator[None]:
    with psycopg.connect(url_of(DATABASE, server.url)) as session:
        session.execute("LOCK TABLE accounts_contract IN ACCESS EXCLUSIVE MODE")
        yield


SHORTAGES = {"F09 connections": every_connection_taken, "F09 lock": contracts_locked}


@pytest.mark.parametrize("name", [pytest.param("F09 connections", marks=only_in_full), "F09 lock"])
def test_shortage_in_the_database_is_told_soon_and_passes(deployment, server, record, name):
    deployment.environment["CXCRM_LOCK_TIMEOUT_MS"] = "2000"
    wave = Experiment(name, deployment)
    wave.plan_wave(FEW_MAILS)
    deployment.start_beat()
    visitors = Visitors(deployment.start_web())
    deployment.start_worker(children=SENDERS)
    wave.wait_for_mails(1)
    with visitors:
        connection.close()
        with SHORTAGES[name](server):
            time.sleep(SECONDS_OF_SHORTAGE)
        recovers(visitors)
    wave.pages = visitors.visits
    outcome = record(wave.settle())
    outcome.keeps_the_promise(most_doubles=SENDERS)
    assert outcome.unavailable_pages > 0
