"""What workers that run altered `tell-of-turns` have been done with."""

from collections.abc import Sequence

from tests.processes.process import Process
from tests.waiting import wait_until

LONGEST_TURN = 60
TURN_OVER = "turn over: "


def turn_over(task: str) -> str:
    """The line that ends a turn."""
    return f"{TURN_OVER}{task}\n"


def wait_for_turns(workers: Sequence[Process], task: str, *, number: int = 1) -> None:
    """Together they end so many turns of the task from now on; the first may have begun earlier.

    Of workers whose tasks come by the clock, always the same one may get this task.
    """
    goal = _turns(workers, turn_over(task)) + number
    wait_until(
        lambda: _turns(workers, turn_over(task)) >= goal, LONGEST_TURN, f"{number} turns of {task}"
    )


def wait_for_the_end_of_turns(workers: Sequence[Process]) -> None:
    """Each is done with what it is at, if it does one thing at a time."""
    goals = {worker: _turns([worker], TURN_OVER) + 1 for worker in workers}
    for worker, goal in goals.items():
        wait_until(
            lambda worker=worker, goal=goal: _turns([worker], TURN_OVER) >= goal,
            LONGEST_TURN,
            f"the end of a turn of {worker.name}",
        )


def _turns(workers: Sequence[Process], line: str) -> int:
    return sum(worker.log.read_text().count(line) for worker in workers)
