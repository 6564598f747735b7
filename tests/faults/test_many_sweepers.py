"""F18: fifty sweepers at once, tasks handed out twice, a sender whose clock is wrong."""

import pytest
from django.db import connection

from tests.faults.experiment import FEW_MAILS, Experiment, Outcome
from tests.faults.test_killed_workers import LEASES_RUN_OUT

pytestmark = pytest.mark.faults

SWEEPERS = 50


def sweep_at_once(deployment, *, teeth: str = "") -> Outcome:
    """Without any broker; each of them takes what it can get."""
    if teeth:
        with connection.cursor() as cursor:
            cursor.execute(LEASES_RUN_OUT)
    deployment.environment["CXCRM_TEETH"] = teeth
    wave = Experiment("F18 sweepers", deployment, teeth)
    wave.plan_wave()
    deployment.run("-m", "tests.faults.sweepers", str(SWEEPERS))
    return wave.settle()


def test_many_sweepers_send_each_mail_once(deployment, record):
    record(sweep_at_once(deployment)).keeps_the_promise(most_doubles=0)


def test_many_sweepers_without_leases_are_noticed(deployment, record):
    outcome = record(sweep_at_once(deployment, teeth="lease-check"))
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=0)


@pytest.mark.parametrize("altered", ["hand-tasks-out-twice", "set-the-clock-back"])
def test_sender_that_is_not_as_the_others_doubles_nothing(deployment, record, altered):
    """Tasks that outlast the broker's patience, and a clock that is two hours slow."""
    deployment.sink.behave("slow-250")
    wave = Experiment(f"F18 {altered}", deployment)
    wave.plan_wave(FEW_MAILS)
    deployment.start_beat()
    deployment.start_worker("worker0", altered=altered, waits=False)
    deployment.start_worker("worker1", altered=altered if "twice" in altered else "")
    record(wave.settle()).keeps_the_promise(most_doubles=0)
