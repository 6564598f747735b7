"""F03: workers are asked to end, as each deploy does, while a wave is on its way."""

import time
from collections import Counter

import pytest

from cxcrm.base import clock
from cxcrm.base.enums import ProcessKind
from cxcrm.base.processes import processes_seen
from tests.faults.experiment import Experiment, Outcome
from tests.processes.process import Process
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

STOPS = 5
# A supervisor would lose patience.
LONGEST_STOP = 30


def stop_workers(deployment, *, teeth: str = "") -> Outcome:
    """One of two at a time, in the middle of a mail."""
    deployment.sink.behave("slow-250")
    wave = Experiment("F03", deployment, teeth)
    wave.plan_wave()
    deployment.start_beat()
    workers = [deployment.start_worker(f"worker{number}", children=1) for number in range(2)]
    stops = []
    for strike in wave.moments(STOPS):
        worker = workers[strike % 2]
        worker.wait_until_ready()
        wave.sender_of_next_mail()
        if teeth == "patience":
            wave.kill_worker(worker)
        else:
            stops.append(seconds_to_stop(worker))
            wave.killed_workers += 1
    if stops:
        wave.notes.append(f"{len(stops)} stops, the longest took {max(stops):.1f} s")
    return wave.settle()


def seconds_to_stop(worker: Process) -> float:
    """Until it is gone; by then its supervisor may have started the next."""
    began, pid = time.monotonic(), worker.pid
    worker.ask_to_end()
    wait_until(lambda: not worker.is_alive or worker.pid != pid, LONGEST_STOP, "a stop")
    return time.monotonic() - began


def kinds_seen() -> Counter[ProcessKind]:
    return Counter(seen.kind for seen in processes_seen(at=clock.now()))


def test_stopped_workers_lose_and_double_nothing(deployment, record):
    record(stop_workers(deployment)).keeps_the_promise(most_doubles=0)
    # Who has ended in order is no process that somebody would look for.
    now_there = {ProcessKind.WORKER: 2, ProcessKind.BEAT: 1}
    wait_until(lambda: kinds_seen() == now_there, 60, "a sign of each process that is there")


def test_workers_that_are_not_let_finish_are_noticed(deployment, record):
    outcome = record(stop_workers(deployment, teeth="patience"))
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=0)
