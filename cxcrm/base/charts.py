"""Charts that the server draws: numbers for a template to place in an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import floor, log10

WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 0, 8, 34, 36
STEPS = 4
DAYS_NAMED = 5


@dataclass(frozen=True)
class Tick:
    """A line across the chart, or a day below it."""

    at: int
    label: Decimal | date


@dataclass(frozen=True)
class LineChart:
    """One line over days; `points` is what a polyline takes."""

    points: str
    last: tuple[int, int]
    values: list[Tick]
    days: list[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def line_chart(series: Sequence[tuple[date, Decimal]]) -> LineChart:
    """The series, which has one point at least, in the frame of the chart.

    The values begin where the series does, not at 0: what matters is how it moves.
    """
    first, last = series[0][0], series[-1][0]
    span = max((last - first).days, 1)
    marks = _round_values([value for _day, value in series])
    lowest, highest = marks[0], marks[-1]

    def across(day: date) -> int:
        return LEFT + round((WIDTH - LEFT - RIGHT) * (day - first).days / span)

    def down(value: Decimal) -> int:
        share = (value - lowest) / (highest - lowest)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share)

    named = sorted(
        {round(number * (len(series) - 1) / (DAYS_NAMED - 1)) for number in range(DAYS_NAMED)}
    )
    return LineChart(
        points=" ".join(f"{across(day)},{down(value)}" for day, value in series),
        last=(across(last), down(series[-1][1])),
        values=[Tick(down(value), value) for value in marks],
        days=[Tick(across(series[number][0]), series[number][0]) for number in named],
    )


def _round_values(values: Sequence[Decimal]) -> list[Decimal]:
    """Round numbers from below the least value to above the highest."""
    lowest, highest = min(values), max(values)
    least_step = max((highest - lowest) / STEPS, highest / 1_000, Decimal(1))
    power = Decimal(10) ** floor(log10(least_step))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least_step)
    begin = (lowest / step).to_integral_value(ROUND_FLOOR)
    end = max((highest / step).to_integral_value(ROUND_CEILING), begin + 1)
    return [step * number for number in range(int(begin), int(end) + 1)]
