"""Whether customers were told of a renewal within the days in which the law asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class ToldStep:
    """What became of one step of a renewal; `told_on`: when a mail about it was accepted."""

    number: int
    earliest_on: date | None
    latest_on: date | None
    is_freeing: bool
    told_on: date | None


def window_is_missed(step: ToldStep, steps: Sequence[ToldStep], *, on: date) -> bool:
    """Is the window of a step over on a day, and nobody was told within it? Any of the `steps` of
    the renewal tells of it; a step without a window cannot miss it."""
    if step.latest_on is None or on <= step.latest_on:
        return False
    opens_on = step.earliest_on or date.min
    return not any(
        other.told_on is not None and opens_on <= other.told_on <= step.latest_on for other in steps
    )


def frees_the_customer(steps: Sequence[ToldStep], *, on: date) -> bool:
    """May the customer leave at any time by law, since no step has told of the renewal within a
    window that frees those who miss it?"""
    windows = [step for step in steps if step.is_freeing and step.latest_on is not None]
    return bool(windows) and all(window_is_missed(step, steps, on=on) for step in windows)
