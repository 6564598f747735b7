"""Measures the work of a day, an import and the lists, each beside what plain SQL needs for it, and
the API beside plain views.

Floor and ours take turns, so that both meet the same cache and the same neighbours; medians are
printed, and their ratio is what to compare between machines.
"""

from argparse import Namespace
from collections.abc import Callable
from statistics import median
from time import perf_counter

from django.db import connection
from django.test import Client

from benchmarks import api, sql
from benchmarks.cases import Page, Work, pages, works
from benchmarks.feeds import import_works
from benchmarks.measuring import agent, measured_day, rolled_back

ROWS_OF_A_LIST = 100


def main(arguments: Namespace) -> None:
    day = measured_day()
    if arguments.only in (None, "work", "import"):
        print(f"\n{'work':40} {'rows':>9} {'floor ms':>10} {'ours ms':>10} {'ratio':>7}")
    if arguments.only in (None, "work"):
        for work in works(day):
            _print_work(work, arguments.rounds)
            sql.vacuum(analyze=False)
    if arguments.only in (None, "import"):
        with import_works(day) as measured:
            for work in measured:
                _print_work(work, arguments.rounds)
                sql.vacuum(analyze=False)
    if arguments.only in (None, "lists"):
        print(f"\n{'page':64} {'floor ms':>8} {'page ms':>8} {'ratio':>6} {'in SQL':>7} queries")
        client = agent()
        for page in pages():
            _print_page(page, client, arguments.rounds)
    if arguments.only in (None, "api"):
        api.measure(arguments.rounds)


def _print_work(work: Work, rounds: int) -> None:
    floors, ours = [], []
    for _ in range(rounds):
        with rolled_back():
            floors.append(_seconds(work.floor)[0])
        with rolled_back():
            seconds, rows = _seconds(work.ours)
            ours.append(seconds)
    floor, our = median(floors) * 1000, median(ours) * 1000
    print(f"{work.name:40} {rows:9,} {floor:10.1f} {our:10.1f} {our / floor:7.2f}", flush=True)


def _print_page(page: Page, client: Client, rounds: int) -> None:
    clock = SqlClock()
    floors, ours, in_sql = [], [], []
    for _ in range(rounds):
        floors.append(_seconds(lambda: sql.newest_rows(page.table, limit=ROWS_OF_A_LIST))[0])
        clock.reset()
        with connection.execute_wrapper(clock):
            seconds, response = _seconds(lambda: client.get(page.path))
        if response.status_code != 200:
            raise RuntimeError(f"{page.path} answers {response.status_code}")
        ours.append(seconds)
        in_sql.append(clock.seconds)
    floor, our = median(floors) * 1000, median(ours) * 1000
    print(
        f"{page.name[:64]:64} {floor:8.1f} {our:8.1f} {our / floor:6.1f}"
        f" {median(in_sql) * 1000:7.1f} {clock.statements:7}",
        flush=True,
    )


class SqlClock:
    """Adds up what the statements of a request take."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.seconds = 0.0
        self.statements = 0

    def __call__(self, execute, statement, params, many, context):
        begun = perf_counter()
        try:
            return execute(statement, params, many, context)
        finally:
            self.seconds += perf_counter() - begun
            self.statements += 1


def _seconds(act: Callable) -> tuple[float, object]:
    begun = perf_counter()
    answer = act()
    return perf_counter() - begun, answer
