"""F04-F07: the broker forgets everything, dies, stays away, hangs or is full during a wave."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import pytest

from accounts.models import Contract
from cxcrm.base import clock
from tests.faults.experiment import FEW_MAILS, FULL, Experiment, Outcome, only_in_full
from tests.faults.load import add_customers
from tests.faults.visitors import Visitors

pytestmark = pytest.mark.faults

FLUSHES = 3
BROKER_DEATHS = 5 if FULL else 3
# Longer than a worker's turn, which then rings its bell in vain.
SECONDS_DOWN = 4
# While people have pages open.
SECONDS_AWAY = 60 if FULL else 6
CANCELLED = 5
# Whose next reminder is far away.
DAYS_AHEAD = timedelta(days=100)


def flush_the_broker(deployment, *, teeth: str = "") -> Outcome:
    """The first time before any worker has heard the bell."""
    wave = Experiment("F04", deployment, teeth)
    wave.plan_wave()
    deployment.broker.flush()
    # Without beat nothing else would wake them up, and there would be no wave to strike.
    if teeth != "sweep":
        deployment.start_beat()
    for number in range(2):
        deployment.start_worker(f"worker{number}")
    if teeth != "sweep":
        for _ in wave.moments(FLUSHES - 1):
            deployment.broker.flush()
    return wave.settle()


def test_flushed_broker_loses_and_doubles_nothing(deployment, record):
    record(flush_the_broker(deployment)).keeps_the_promise(most_doubles=0)


def test_flushed_broker_without_sweep_is_noticed(deployment, record):
    outcome = record(flush_the_broker(deployment, teeth="sweep"))
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=0)


def kill_the_broker(deployment, *, teeth: str = "") -> Outcome:
    wave = Experiment("F05", deployment, teeth)
    deployment.sink.behave("slow-250")
    wave.plan_wave()
    if teeth != "sweep":
        deployment.start_beat()
    worker = deployment.start_worker(children=2)
    for _ in wave.moments(1 if teeth else BROKER_DEATHS):
        deployment.broker.kill()
        wave.kills += 1
        time.sleep(SECONDS_DOWN)
        deployment.broker.start()
    return wave.settle(None if teeth else worker)


def test_killed_broker_loses_nothing_and_doubles_only_where_a_worker_ended(deployment, record):
    outcome = record(kill_the_broker(deployment))
    outcome.keeps_the_promise(most_doubles=2 * (outcome.worker_exits + outcome.replaced))


@only_in_full
def test_killed_broker_without_sweep_is_noticed(deployment, record):
    outcome = record(kill_the_broker(deployment, teeth="sweep"))
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=0)


# --- F06, F07: people work on without a broker


@contextmanager
def away(deployment) -> Iterator[None]:
    deployment.broker.kill()
    yield
    deployment.broker.start()


TROUBLES: dict[str, Callable[..., AbstractContextManager[None]]] = {
    "F06": away,
    "F07 frozen": lambda deployment: deployment.broker.frozen(),
    "F07 full": lambda deployment: deployment.broker.full(),
}


def work_without_broker(deployment, name: str, *, teeth: str = "") -> Outcome:
    """Pages are opened and contracts cancelled, each of which queues a mail."""
    wave = Experiment(name, deployment, teeth)
    wave.plan_wave(FEW_MAILS)
    today = clock.now().date()
    wave.expected += add_customers("leaving", CANCELLED, remind_on=today + DAYS_AHEAD)
    leaving = Contract.objects.filter(brand__code="leaving")
    deployment.start_beat()
    visitors = Visitors(deployment.start_web(altered=teeth))
    worker = deployment.start_worker(children=2)
    wave.wait_for_mails(1)
    with TROUBLES[name](deployment):
        until = time.monotonic() + SECONDS_AWAY
        with visitors:
            cancelled = [visitors.cancel(contract).status for contract in leaving]
            guesses = visitors.guess_a_password()
            time.sleep(max(until - time.monotonic(), 0))
    wave.pages = visitors.visits
    wave.notes.append(f"login after too many guesses {guesses[-1]}")
    outcome = wave.settle(worker)
    if not teeth:
        assert set(cancelled) <= {200, 302}
        assert guesses[-1] == 429
    return outcome


@pytest.mark.parametrize(
    "name", ["F06", "F07 frozen", pytest.param("F07 full", marks=only_in_full)]
)
def test_people_and_mails_do_without_a_broker(deployment, record, name):
    outcome = record(work_without_broker(deployment, name))
    outcome.keeps_the_promise(most_doubles=2 * (outcome.worker_exits + outcome.replaced))


def test_pages_that_insist_on_the_broker_are_noticed(deployment, record):
    outcome = record(work_without_broker(deployment, "F06", teeth="insist-on-the-broker"))
    assert outcome.broken_pages > 0, outcome
