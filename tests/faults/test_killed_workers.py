"""F01, F02: `kill -9` while mails are being handed over to a relay that is slow to answer."""

from dataclasses import replace

import pytest
from django.db import connection

from tests.faults.experiment import FEW_MAILS, FULL, MAILS, Experiment, Outcome

pytestmark = pytest.mark.faults

FEW_KILLS = 4
KILLS = 10 if FULL else FEW_KILLS
FEWEST_DOUBLES = 3
SENDERS = 2


# Claims that have run out when they are made, as with a worker that hangs before it sends: each
# takes the mails of the others away, and only the lease check keeps them apart.
LEASES_RUN_OUT = """
CREATE FUNCTION keep_due_at() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.due_at := OLD.due_at; RETURN NEW; END $$;
CREATE TRIGGER keep_due_at BEFORE UPDATE ON outbox_outgoingmail
    FOR EACH ROW WHEN (NEW.state = 'claimed') EXECUTE FUNCTION keep_due_at();
"""


def start_wave(deployment, name: str, mails: int = MAILS) -> Experiment:
    deployment.sink.behave("slow-250")
    wave = Experiment(name, deployment)
    wave.plan_wave(mails)
    deployment.start_beat()
    return wave


def kill_one_of_two_workers(deployment, *, mails: int = MAILS, kills: int = KILLS) -> Outcome:
    wave = start_wave(deployment, "F01", mails)
    workers = [deployment.start_worker(f"worker{number}") for number in range(SENDERS)]
    for _ in wave.moments(kills):
        sender = wave.sender_of_next_mail()
        wave.kill_worker(next((each for each in workers if each.pid == sender), workers[0]))
    return wave.settle()


def kill_a_worker_with_its_children(deployment) -> Outcome:
    wave = start_wave(deployment, "F02 group")
    worker = deployment.start_worker(children=SENDERS)
    for _ in wave.moments(KILLS):
        wave.sender_of_next_mail()
        wave.kill_worker(worker)
    return wave.settle()


def kill_single_children(deployment) -> Outcome:
    wave = start_wave(deployment, "F02 child")
    deployment.start_worker(children=SENDERS)
    for _ in wave.moments(KILLS):
        wave.kill_child(wave.sender_of_next_mail())
    return wave.settle()


# With how many mails a kill may find in the air.
EXPERIMENTS = [
    pytest.param(kill_one_of_two_workers, 1, id="worker"),
    pytest.param(kill_a_worker_with_its_children, SENDERS, id="group"),
    pytest.param(kill_single_children, 1, id="child"),
]


@pytest.mark.parametrize(("experiment", "in_the_air"), EXPERIMENTS)
def test_killed_workers_lose_nothing_and_double_what_was_in_the_air(
    deployment, record, experiment, in_the_air
):
    outcome = experiment(deployment)
    if outcome.double < FEWEST_DOUBLES:
        outcome = replace(outcome, note="proves nothing: hardly a mail was in the air")
    record(outcome).keeps_the_promise(most_doubles=outcome.kills * in_the_air)


def let_leases_run_out(deployment, *, teeth: str = "") -> Outcome:
    with connection.cursor() as cursor:
        cursor.execute(LEASES_RUN_OUT)
    deployment.environment["CXCRM_TEETH"] = teeth
    outcome = kill_one_of_two_workers(deployment, mails=FEW_MAILS, kills=FEW_KILLS)
    return replace(outcome, experiment="F01 leases", teeth=teeth)


def test_killed_workers_whose_leases_run_out_are_kept_apart_by_the_lease_check(deployment, record):
    outcome = record(let_leases_run_out(deployment))
    outcome.keeps_the_promise(most_doubles=outcome.kills)


def test_killed_workers_without_lease_check_are_noticed(deployment, record):
    outcome = record(let_leases_run_out(deployment, teeth="lease-check"))
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=outcome.kills)
