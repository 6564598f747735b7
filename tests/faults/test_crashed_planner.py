"""F16: a planner dies right after its commit, before it rings the bell, or right before it."""

from datetime import timedelta

import pytest

from accounts.models import Contract
from cxcrm.base import clock
from tests.factories import cancel
from tests.faults.experiment import FULL, Experiment, Outcome, only_in_full
from tests.faults.load import DAY, add_customers

pytestmark = pytest.mark.faults

COMMITTED = 200 if FULL else 100
ROLLED_BACK = 100 if FULL else 50
CANCELLED = 20 if FULL else 10


def crash_planners(deployment, *, teeth: str = "") -> Outcome:
    """Some contracts are cancelled before the first worker wakes up: no reminder may go to them."""
    deployment.environment["CXCRM_TEETH"] = teeth
    wave = Experiment("F16", deployment, teeth)
    wave.expected = add_customers("committed", COMMITTED)
    cancelled = add_customers("cancelled", CANCELLED)
    plan_and_die(deployment, "after", DAY)
    next_day = DAY + timedelta(days=1)
    rolled_back = add_customers("rolled-back", ROLLED_BACK, remind_on=next_day)
    plan_and_die(deployment, "before", next_day)
    wave.unwanted = rolled_back
    for contract in Contract.objects.filter(brand__code="cancelled"):
        cancel(contract, next_day, at=clock.instant_on(DAY))
    # Who cancels gets the receipt; a reminder beside it would be one mail too many.
    wave.expected += cancelled
    if teeth != "sweep":
        deployment.start_beat()
    deployment.start_worker(children=2)
    return wave.settle()


def plan_and_die(deployment, moment: str, day) -> None:
    deployment.run("-m", "tests.faults.crashing_planner", moment, day.isoformat(), ends_by=-9)


def test_crashed_planner_mails_what_it_committed_and_nothing_else(deployment, record):
    record(crash_planners(deployment)).keeps_the_promise(most_doubles=0)


@pytest.mark.parametrize("teeth", ["re-read", pytest.param("sweep", marks=only_in_full)])
def test_crashed_planner_with_teeth_is_noticed(deployment, record, teeth):
    outcome = record(crash_planners(deployment, teeth=teeth))
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=0)
