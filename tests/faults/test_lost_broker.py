"""F04, F05: the broker forgets everything, or dies, in the middle of a wave."""

import time

import pytest

from tests.faults.experiment import FULL, Experiment, Outcome, only_in_full

pytestmark = pytest.mark.faults

FLUSHES = 3
BROKER_DEATHS = 5 if FULL else 3
# Longer than a worker's turn, which then rings its bell in vain.
SECONDS_DOWN = 4


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
