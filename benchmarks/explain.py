"""Prints how PostgreSQL runs the work of a day, and what reads the big tables for each list and
call of the API.

Each statement is explained where it stands, with the rows that it really meets: ANALYZE runs it
once in a savepoint that is rolled back, then it runs for good.
"""

import re
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from django.db import connection
from django.test import Client

from accounts.sql.contract_dates import refresh_contract_dates
from benchmarks.api import calls, integration
from benchmarks.cases import pages, works
from benchmarks.measuring import agent, measured_day, rolled_back
from cxcrm.base import clock

BIG = re.compile(
    r'FROM "?(accounts_(account|contact|contract|renewalreminder|task|timelineevent)'
    r"|outbox_(outgoingmail|mailaddress))\b"
)
MANY_ROWS = 20_000
WIDTH = 150
TELLING = re.compile(
    r"->|Index Cond|Rows Removed|Sort Method|JIT|Execution Time|^ +CTE \w+$|^(Insert|Update|CTE)"
)


def main(arguments: Namespace) -> None:
    day = measured_day()
    if arguments.only in (None, "work"):
        _explain_work(day)
    if arguments.only in (None, "lists"):
        _explain_asked(agent(), [(page.name, page.path) for page in pages()])
    if arguments.only in (None, "api"):
        with integration() as client:
            _explain_asked(client, [(call.name, call.ours) for call in calls() if not call.rows])


def _explain_work(day) -> None:
    deeds: list[tuple[str, Callable[[], object]]] = [
        (work.name, work.ours) for work in works(day) if "0 days" not in work.name
    ]
    yesterday = day - timedelta(days=1)
    for name, on in (("nothing changes", yesterday), ("one day later", day)):
        deeds.append(
            (
                f"dates of all contracts, {name}",
                lambda on=on: refresh_contract_dates(
                    contract_ids=None, on=on, at=clock.instant_on(day)
                ),
            )
        )
    for name, deed in deeds:
        print(f"\n=== {name}")
        with rolled_back(), connection.execute_wrapper(Explaining(_print_whole, re.compile("."))):
            deed()


def _explain_asked(client: Client, asked: Iterable[tuple[str, str]]) -> None:
    for name, path in asked:
        client.get(path)
        print(f"\n{name}")
        with connection.execute_wrapper(Explaining(_print_scans, BIG)):
            client.get(path)


class Explaining:
    """An execute wrapper that shows the plan of every statement that `wanted` is found in."""

    def __init__(self, show: Callable[[str, list], None], wanted: re.Pattern) -> None:
        self.show = show
        self.wanted = wanted

    def __call__(self, execute, statement, params, many, context):
        text = statement.strip()
        if self.wanted.search(text) and not re.match("SAVEPOINT|RELEASE|ROLLBACK", text):
            self.explain(text, params)
        return execute(statement, params, many, context)

    def explain(self, statement: str, params) -> None:
        options = (
            "ANALYZE, BUFFERS" if self.show is _print_whole else "ANALYZE, BUFFERS, FORMAT JSON"
        )
        connection.ensure_connection()
        raw = connection.connection
        with raw.transaction(force_rollback=True), raw.cursor() as cursor:
            cursor.execute(f"EXPLAIN ({options}) {statement}", params)
            self.show(statement, cursor.fetchall())


def _print_whole(statement: str, lines: list[tuple]) -> None:
    print(f"\n-- {' '.join(statement.split())[:100]} ...")
    seen_buffers = False
    for (line,) in lines:
        if TELLING.search(line) or ("Buffers" in line and not seen_buffers):
            seen_buffers = seen_buffers or "Buffers" in line
            print(re.sub(r"\(cost=\S+ rows=\d+ width=\d+\) ", "", line)[:WIDTH])


def _print_scans(statement: str, lines: list[tuple]) -> None:
    plan = lines[0][0][0]
    top = plan["Plan"]
    purpose = "counts" if "COUNT(*)" in statement else "reads"
    buffers = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
    print(f"  {purpose}: {plan['Execution Time']:.1f} ms, {buffers} buffers")
    for line in dict.fromkeys(_scans(top)):
        print(f"    {line}")


def _scans(node: dict) -> Iterator[str]:
    if "Scan" in node["Node Type"] or node["Node Type"] == "Sort":
        loops = node["Actual Loops"]
        dropped = loops * (
            node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        )
        touched = node["Actual Rows"] * loops + dropped
        what = node.get("Index Name") or node.get("Relation Name") or node.get("Sort Key", "")
        mark = "  <-- many" if touched > MANY_ROWS else ""
        yield f"{node['Node Type']} {what}: {touched:,.0f} rows, {dropped:,.0f} dropped{mark}"
    for child in node.get("Plans", []):
        yield from _scans(child)
