"""What the experiments share: how large they are, when one is over, and how copies are counted."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

import pytest

from cxcrm.outbox.enums import MailState
from cxcrm.outbox.models import OutgoingMail
from tests.faults.load import DAY, add_customers
from tests.faults.visitors import Visit
from tests.processes.deployment import Deployment
from tests.processes.process import Process
from tests.waiting import wait_until

FULL = os.environ.get("CXCRM_FAULTS") == "full"
SEED = int(os.environ.get("CXCRM_SEED") or random.SystemRandom().randrange(10**6))

only_in_full = pytest.mark.skipif(not FULL, reason="make faults-full")

# Where something is struck again and again, few mails must still last for a while; with teeth few
# do, since what is to be seen is red.
FEW_MAILS = 120
MAILS = 5_000 if FULL else FEW_MAILS
# Where each mail meets with the same fault.
LEAST_MAILS = 40
# Longer than a lease, a restart and two sweeps together.
SECONDS_OF_SILENCE = 15
LONGEST_SECONDS = 1_800 if FULL else 240
# How long a worker may do nothing although there is work, before its supervisor replaces it.
SECONDS_STUCK = 45


@dataclass
class Experiment:
    """A wave of mails under a fault, and what came of it at the mail server."""

    name: str
    deployment: Deployment
    teeth: str = ""
    expected: list[str] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)
    kills: int = 0
    killed_workers: int = 0
    replaced: int = 0
    pages: list[Visit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    began_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        # The same for every size of a run, so that a seed can be tried again.
        self.random = random.Random(f"{SEED} {self.name}")

    def plan_wave(self, mails: int = MAILS, *, name: str = "wave", day: date = DAY) -> None:
        """Queue a reminder to each of so many customers, through the door of `run_due`."""
        count = min(mails, FEW_MAILS) if self.teeth else mails
        self.expected += add_customers(name, count, remind_on=day)
        self.deployment.manage("run_due", "--as-of", day.isoformat())

    def moments(self, strikes: int) -> Iterator[int]:
        """Come back as often, spread over the wave, each time while mails are being sent."""
        mails = len(self.expected)
        for strike in range(strikes):
            share = (strike + self.random.uniform(0.3, 0.9)) / (strikes + 1)
            self._wait_amid_the_wave(int(share * mails))
            yield strike

    def sender_of_next_mail(self) -> int:
        """The process that hands a mail over at this moment."""
        self._wait_amid_the_wave()
        newest = self.deployment.sink.taken()[-1]
        worker = OutgoingMail.objects.values_list("worker", flat=True).get(pk=newest.mail)
        return int(worker.rpartition(":")[2])

    def kill_worker(self, worker: Process) -> None:
        """`kill -9` it with its children."""
        worker.kill()
        self.kills += 1
        self.killed_workers += 1

    def kill_child(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self.kills += 1

    def wait_for_mails(self, count: int) -> None:
        sink = self.deployment.sink
        wait_until(lambda: len(sink.taken()) >= count, LONGEST_SECONDS, f"{count} mails")

    def _wait_amid_the_wave(self, count: int = 0) -> None:
        """Until the mail server has so many, and one more than now.

        A wave may be over before the last strike, since others send while a process that was struck
        starts again; then a small one follows it.
        """
        sink = self.deployment.sink
        count = max(count, len(sink.taken()) + 1)

        def has_come() -> bool:
            if len(sink.taken()) >= count:
                return True
            if self._is_sent():
                self.plan_wave(LEAST_MAILS, name=f"wave-after-{len(self.expected)}")
            return False

        wait_until(has_come, LONGEST_SECONDS, f"{count} mails")

    def _is_sent(self) -> bool:
        taken = self.deployment.sink.taken()
        if len(taken) < len(self.expected):  # spares the look at each
            return False
        return {to for mail in taken for to in mail.recipients}.issuperset(self.expected)

    def settle(self, worker: Process | None = None) -> "Outcome":
        """Wait until nothing is left to send, or nothing has come for so long that nothing will.

        A worker named here is replaced, as by a supervisor, when it is stuck. Counts the copies.
        """
        sink = self.deployment.sink
        waits_since = time.time()

        def is_over() -> bool:
            nonlocal waits_since
            if not OutgoingMail.objects.filter(state__in=MailState.LIVING).exists():
                return True
            silence = min(sink.seconds_of_silence(), time.time() - waits_since)
            if worker and silence > SECONDS_STUCK:
                self.replaced += 1
                worker.kill()
                waits_since = time.time()
            return not worker and silence > SECONDS_OF_SILENCE

        wait_until(is_over, LONGEST_SECONDS, "the end of the wave")
        return self._count()

    def _count(self) -> "Outcome":
        taken = self.deployment.sink.taken()
        tries = Counter(each.recipient for each in self.deployment.sink.tries() if each.recipient)
        copies = Counter(recipient for mail in taken for recipient in mail.recipients)
        message_ids = {(mail.recipients[0], mail.message_id) for mail in taken}
        moments = sorted(mail.time for mail in taken)
        ends = self.deployment.supervisor.ends
        exits = sum(count for name, count in ends.items() if "worker" in name)
        return Outcome(
            experiment=self.name,
            teeth=self.teeth,
            n=len(self.expected),
            lost=sum(copies[address] == 0 for address in self.expected),
            double=sum(max(0, copies[address] - 1) for address in self.expected),
            max_copies=max(copies.values(), default=0),
            unwanted=sum(copies[address] for address in self.unwanted),
            strangers=len(copies.keys() - set(self.expected) - set(self.unwanted)),
            message_ids=len(message_ids) - len(copies),
            kills=self.kills,
            worker_exits=max(0, exits - self.killed_workers - self.replaced),
            replaced=self.replaced,
            most_tries=max(tries.values(), default=0),
            pages=len(self.pages),
            broken_pages=sum(visit.is_broken for visit in self.pages),
            unavailable_pages=sum(visit.is_unavailable for visit in self.pages),
            slowest_page=round(max((visit.seconds for visit in self.pages), default=0), 1),
            longest_silence=round(max(gaps(moments), default=0), 1),
            seconds=round(time.monotonic() - self.began_at, 1),
            seed=SEED,
            note="; ".join(self.notes),
        )


def gaps(moments: list[float]) -> Iterable[float]:
    return (after - before for before, after in pairwise(moments))


@dataclass(frozen=True)
class Outcome:
    experiment: str
    teeth: str
    n: int
    lost: int
    double: int
    max_copies: int
    unwanted: int  # to somebody who must not get one
    strangers: int  # to somebody whom the experiment does not know
    message_ids: int  # copies under a Message-ID of their own
    kills: int
    worker_exits: int  # ends of a worker that were not our doing
    replaced: int  # workers that did nothing although there was work
    most_tries: int  # that the mail server saw of one recipient
    pages: int  # opened by people meanwhile
    broken_pages: int  # without an answer, or with one that is an error of ours
    unavailable_pages: int  # that said when to try again
    slowest_page: float
    longest_silence: float
    seconds: float
    seed: int
    note: str = ""

    def keeps_the_promise(self, *, most_doubles: int) -> None:
        """Nothing lost, nothing that should not be, copies only where one was in the air."""
        assert self.lost == 0, self
        assert self.unwanted == 0, self
        assert self.strangers == 0, self
        assert self.double <= most_doubles, self
        assert self.message_ids == 0, self
        assert self.broken_pages == 0, self
