import json
from collections.abc import Callable
from dataclasses import asdict

import pytest

from tests.faults.experiment import SEED, Outcome
from tests.servers import REPOSITORY

RESULTS = REPOSITORY / "var" / "faults.jsonl"
COLUMNS = {
    "experiment": "experiment",
    "teeth": "teeth",
    "mails": "n",
    "strikes": "kills",
    "lost": "lost",
    "double": "double",
    "unwanted": "unwanted",
    "copies": "max_copies",
    "tries": "most_tries",
    "pages": "pages",
    "503": "unavailable_pages",
    "broken": "broken_pages",
    "slowest": "slowest_page",
    "exits": "worker_exits",
    "replaced": "replaced",
    "silence": "longest_silence",
    "seconds": "seconds",
    "note": "note",
}

BEGINNING = pytest.StashKey[int]()


@pytest.fixture
def record() -> Callable[[Outcome], Outcome]:
    """Keep an outcome in `var/faults.jsonl`, from which the summary is read."""

    def keep(outcome: Outcome) -> Outcome:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as results:
            results.write(json.dumps(asdict(outcome)) + "\n")
        return outcome

    return keep


def pytest_configure(config: pytest.Config) -> None:
    config.stash[BEGINNING] = RESULTS.stat().st_size if RESULTS.exists() else 0


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """What this run has added, whichever of its processes did the experiments."""
    if not RESULTS.exists():
        return
    with RESULTS.open() as results:
        results.seek(config.stash[BEGINNING])
        outcomes = [json.loads(line) for line in results]
    if not outcomes:
        return
    rows = [list(COLUMNS)]
    rows += [[str(each[name]) for name in COLUMNS.values()] for each in outcomes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    terminalreporter.section(f"faults, seed {SEED}")
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.line("  ".join(cells).rstrip())
