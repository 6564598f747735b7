"""F15: a plan is being made, held, released and cancelled, while its planners are killed."""

from dataclasses import replace

import pytest

from accounts.models import Contract, RenewalReminder
from cxcrm.base import clock
from cxcrm.outbox.services import DELIVER_MAILS
from tests.factories import cancel
from tests.faults.experiment import FEW_MAILS, FULL, Experiment, Outcome
from tests.faults.load import add_customers
from tests.faults.turns import wait_for_the_end_of_turns, wait_for_turns
from tests.processes.process import Process
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

CUSTOMERS = 1_000 if FULL else FEW_MAILS
CANCELLED = 10
PLANNERS = 2
LONGEST_PLAN = 120


def interrupt_the_plan(deployment, *, teeth: str = "") -> Outcome:
    """Who cancels meanwhile gets the receipt; a reminder beside it would be one mail too many."""
    deployment.sink.behave("slow-250")
    deployment.environment["CXCRM_TEETH"] = teeth
    wave = Experiment("F15", deployment, teeth)
    today = clock.now().date()
    wave.expected += add_customers("staying", CUSTOMERS, remind_on=today)
    wave.expected += add_customers("leaving", CANCELLED, remind_on=today)
    deployment.manage("hold_mails")
    deployment.start_beat()
    planners = [
        deployment.start_worker(f"worker{number}", altered="plan-in-small-steps,tell-of-turns")
        for number in range(PLANNERS)
    ]
    kill_in_the_plan(wave, planners)
    sent_on_hold = len(deployment.sink.taken())
    wave.notes.append(f"{sent_on_hold} sent on hold")

    for contract in Contract.objects.filter(brand__code="leaving"):
        cancel(contract, today, at=clock.now())
    if not teeth:
        deployment.manage("release_mails", "--yes")
        wave.wait_for_mails(len(wave.expected) // 3)
        hold_and_release(wave, planners)
    outcome = wave.settle()
    return replace(outcome, unwanted=outcome.unwanted + sent_on_hold)


def kill_in_the_plan(wave: Experiment, planners: list[Process]) -> None:
    """One after the other, until all is decided."""
    decided = RenewalReminder.objects.count
    for strike, planner in enumerate(planners):
        goal = len(wave.expected) * (strike + 1) // (PLANNERS + 2)
        wait_until(lambda goal=goal: decided() >= goal, LONGEST_PLAN, "a part of the plan")
        wave.kill_worker(planner)
    wait_until(lambda: decided() == len(wave.expected), LONGEST_PLAN, "the whole plan")


def hold_and_release(wave: Experiment, workers: list[Process]) -> None:
    """A turn of delivery that has begun goes on for seconds; then nothing leaves."""
    deployment = wave.deployment
    deployment.manage("hold_mails")
    at_once = len(deployment.sink.taken())
    wait_for_the_end_of_turns(workers)
    after_turns = len(deployment.sink.taken())
    wait_for_turns(workers, DELIVER_MAILS)
    assert len(deployment.sink.taken()) == after_turns
    wave.notes.append(f"{after_turns - at_once} in the turns that had begun")
    deployment.manage("release_mails", "--yes")


def test_interrupted_plan_mails_everybody_once(deployment, record):
    outcome = record(interrupt_the_plan(deployment))
    outcome.keeps_the_promise(most_doubles=0)
    assert RenewalReminder.objects.count() == outcome.n


def test_interrupted_plan_without_hold_and_re_read_is_noticed(deployment, record):
    outcome = record(interrupt_the_plan(deployment, teeth="hold,re-read"))
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=0)
