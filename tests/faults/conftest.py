import json
from collections.abc import Callable
from dataclasses import asdict

import pytest

from tests.faults.experiment import Outcome
from tests.processes.fixtures import deployment, migrated_database  # noqa: F401 - fixtures
from tests.servers import REPOSITORY

RESULTS = REPOSITORY / "var" / "faults.jsonl"

_rows: list[str] = []


@pytest.fixture
def record() -> Callable[[Outcome], Outcome]:
    """Keep an outcome for the summary and for `var/faults.jsonl`."""

    def keep(outcome: Outcome) -> Outcome:
        _rows.append(json.dumps(asdict(outcome)))
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as results:
            results.write(_rows[-1] + "\n")
        return outcome

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _rows:
        terminalreporter.section("faults")
        for row in _rows:
            terminalreporter.line(row)
