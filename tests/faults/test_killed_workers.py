"""F01, F02: `kill -9` while mails are being handed over to a relay that is slow to answer."""

import pytest

from tests.faults.experiment import FULL, Experiment, Outcome

pytestmark = pytest.mark.faults

KILLS = 10 if FULL else 4
SENDERS = 2


def kill_one_of_two_senders(deployment, *, teeth: str = "") -> Outcome:
    """The lease is shorter than a batch takes, so that leases run out in front of the living too:
    only the lease check keeps two senders apart."""
    deployment.environment |= {"CXCRM_MAIL_LEASE_SECONDS": "1", "CXCRM_TEETH": teeth}
    deployment.sink.behave("slow-250")
    wave = Experiment("F01", deployment, teeth)
    wave.plan_wave()
    deployment.start_beat()
    senders = [deployment.start_worker(f"worker{number}") for number in range(SENDERS)]
    for _ in wave.moments(KILLS):
        wave.kill_worker(wave.random.choice(senders))
    return wave.settle()


def test_killed_sender_loses_nothing_and_doubles_what_it_had_in_the_air(deployment, record):
    outcome = record(kill_one_of_two_senders(deployment))
    outcome.keeps_the_promise(most_doubles=outcome.kills)


def test_killed_sender_without_lease_check_is_noticed(deployment, record):
    outcome = record(kill_one_of_two_senders(deployment, teeth="lease-check"))
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=outcome.kills)


def test_killed_worker_group_loses_nothing_and_doubles_one_per_child(deployment, record):
    deployment.sink.behave("slow-250")
    wave = Experiment("F02 group", deployment)
    wave.plan_wave()
    deployment.start_beat()
    worker = deployment.start_worker(children=SENDERS)
    for _ in wave.moments(KILLS):
        wave.kill_worker(worker)
    outcome = record(wave.settle())
    outcome.keeps_the_promise(most_doubles=outcome.kills * SENDERS)


def test_killed_pool_child_loses_nothing_and_doubles_one(deployment, record):
    deployment.sink.behave("slow-250")
    wave = Experiment("F02 child", deployment)
    wave.plan_wave()
    deployment.start_beat()
    worker = deployment.start_worker(children=SENDERS)
    for _ in wave.moments(KILLS):
        wave.kill_child(worker)
    outcome = record(wave.settle())
    outcome.keeps_the_promise(most_doubles=outcome.kills)
