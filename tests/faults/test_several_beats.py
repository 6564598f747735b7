"""F17: two beats, three beats, no beat for a while, with planners that run side by side."""

import time

import pytest
from django.db import connection

from cxcrm.base import clock
from tests.faults.experiment import FULL, Experiment, Outcome, only_in_full
from tests.faults.load import add_customers

pytestmark = pytest.mark.faults

SWEEP_SECONDS = 1
# Without a beat nothing must happen for so long.
SWEEPS_WITHOUT_BEAT = 5
CUSTOMERS = 500 if FULL else 100
# In each round customers fall due, and all beats that there are have them planned.
ROUNDS_WITH_TWO = 3 if FULL else 1
ROUNDS_WITH_THREE = 2 if FULL else 1

# The planner's guards, taken out in the database: it takes what it has decided off the contracts,
# it looks for decisions before it decides, and the index refuses a second one.
WITHOUT_CLAIM = """
CREATE FUNCTION keep_remind_on() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        NEW.remind_on := OLD.remind_on;
        NEW.remind_step := OLD.remind_step;
        RETURN NEW;
    END $$;
CREATE TRIGGER keep_remind_on BEFORE UPDATE OF remind_on ON accounts_contract
    FOR EACH ROW WHEN (OLD.remind_on IS NOT NULL) EXECUTE FUNCTION keep_remind_on();
"""
# Dropped, the planner's ON CONFLICT would fail; so decisions are hidden once they are made.
WITHOUT_INDEX = """
CREATE FUNCTION hide_decision() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        UPDATE accounts_renewalreminder
        SET step = 100 + NEW.id % 30000, decided_on = decided_on - 400 WHERE id = NEW.id;
        RETURN NULL;
    END $$;
CREATE TRIGGER hide_decision AFTER INSERT ON accounts_renewalreminder
    FOR EACH ROW EXECUTE FUNCTION hide_decision();
"""


def let_beats_compete(deployment, *, rounds: dict[int, int], teeth: str = "") -> Experiment:
    """`rounds`: how many with so many beats."""
    deployment.environment["CXCRM_SWEEP_SECONDS"] = str(SWEEP_SECONDS)
    wave = Experiment("F17", deployment, teeth)
    deployment.start_worker(children=3)
    beats = 0
    for wanted, count in rounds.items():
        while beats < wanted:
            beats += 1
            deployment.start_beat(f"beat{beats}")
        for number in range(count):
            fall_due(wave, f"beats{wanted}-{number}")
            wave.wait_for_mails(len(wave.expected))
    return wave


def stop_beats(deployment) -> None:
    for beat in deployment.named("beat"):
        deployment.supervisor.let_go(beat)
        beat.kill()


def fall_due(wave: Experiment, name: str) -> None:
    wave.expected += add_customers(name, CUSTOMERS, remind_on=clock.now().date())


def test_several_beats_remind_once_and_make_up_for_a_dead_one(deployment, record):
    wave = let_beats_compete(deployment, rounds={2: ROUNDS_WITH_TWO, 3: ROUNDS_WITH_THREE})
    stop_beats(deployment)
    fall_due(wave, "no-beat")
    before = len(deployment.sink.taken())
    time.sleep(SWEEPS_WITHOUT_BEAT * SWEEP_SECONDS)
    assert len(deployment.sink.taken()) == before
    deployment.start_beat("beat1")
    wave.wait_for_mails(len(wave.expected))
    record(wave.settle()).keeps_the_promise(most_doubles=0)


@only_in_full
def test_several_beats_without_a_claim_are_held_by_the_index(deployment, record):
    outcome = compete_with_teeth(deployment, "claim", WITHOUT_CLAIM)
    record(outcome).keeps_the_promise(most_doubles=0)


def test_several_beats_without_claim_and_index_are_noticed(deployment, record):
    outcome = record(compete_with_teeth(deployment, "claim,index", WITHOUT_CLAIM + WITHOUT_INDEX))
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=0)


def compete_with_teeth(deployment, teeth: str, statements: str) -> Outcome:
    with connection.cursor() as cursor:
        cursor.execute(statements)
    wave = let_beats_compete(deployment, rounds={2: 1}, teeth=teeth)
    # The second of the plans that both beats have asked for. Without guards it would never end.
    time.sleep(3 * SWEEP_SECONDS)
    stop_beats(deployment)
    return wave.settle()
