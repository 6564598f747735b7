import os
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from django.db import connection

from accounts.enums import ImportState
from accounts.models import (
    Account,
    Cancellation,
    Contact,
    Contract,
    ImportChunk,
    ImportRun,
    PriceChange,
    Product,
    RenewalReminder,
    TimelineEvent,
)
from accounts.services.imports import ImportIsRunning
from cxcrm.outbox.models import MailAddress
from tests.accounts.imports.feeds import issues, row, take_in, write_feed
from tests.servers import REPOSITORY

# Tells each step and then waits to be told to go on.
SCRIPT = """
import sys, django
django.setup()
from pathlib import Path
from tests.accounts.imports.feeds import take_in
def wait(progress):
    print(progress.step, flush=True)
    sys.stdin.readline()
take_in(Path(sys.argv[1]), mapping=sys.argv[2], on_progress=wait)
"""

TABLES = (
    Account,
    Cancellation,
    Contact,
    Contract,
    MailAddress,
    PriceChange,
    Product,
    RenewalReminder,
    TimelineEvent,
)
CONTRACTS = [row(), row(account_number="K2", contact_number="P2", contract_number="V2")]
ACCOUNT_NAMES = ("account_number", "account_name", "customer_kind", "country", "language")
KINDS = {
    "standard": CONTRACTS,
    "standard_accounts": [{name: row()[name] for name in (*ACCOUNT_NAMES, "time_zone")}],
    "standard_contacts": [{"account_number": "K1", "contact_name": "New", "contact_number": "P9"}],
    "standard_products": [{"product_code": "new"}],
    "standard_cancellations": [
        {"contract_number": "V1", "cancelled_on": "2026-05-20", "ends_on": "2026-12-31"}
    ],
}


def database_url() -> str:
    """Of the database that the tests run on."""
    settings = connection.settings_dict
    credentials = quote(settings["USER"], safe="")
    if settings["PASSWORD"]:
        credentials += ":" + quote(settings["PASSWORD"], safe="")
    host = quote(settings["HOST"], safe="")
    if settings["PORT"]:
        host += f":{settings['PORT']}"
    return f"postgresql://{credentials}@{host}/{settings['NAME']}"


def take_in_when_free(feed, **options) -> ImportRun:
    """The server needs a moment to notice that the process is gone, and to free its lock."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return take_in(feed, **options)
        except ImportIsRunning:
            if time.monotonic() > deadline:
                raise


def rows_there() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in TABLES}


def take_in_until(feed, *, mapping: str, killed_at: str) -> dict[str, int]:
    """Take a feed in with a process that is killed at a step; answers what others saw by then."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(feed), mapping],
        cwd=REPOSITORY,
        env=os.environ
        | {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "cxcrm.settings",
            "PYTHONPATH": str(REPOSITORY),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    seen: dict[str, int] = {}
    with process:
        for step in process.stdout:
            if step.strip() == killed_at:
                seen = rows_there()
                process.kill()
                break
            process.stdin.write("\n")
            process.stdin.flush()
        process.wait()
    assert process.returncode == -signal.SIGKILL
    return seen


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("mapping", "killed_at"),
    [
        ("standard", "reading"),
        ("standard", "contracts"),
        ("standard", "dates"),
        *((mapping, "contradictions") for mapping in KINDS),
    ],
)
def test_import_killed_leaves_nothing_but_the_run_and_completes_later(
    brand, feed, mapping, killed_at
):
    if mapping in ("standard_contacts", "standard_cancellations"):
        take_in(write_feed(feed, *CONTRACTS))
    before = rows_there()
    write_feed(feed, *KINDS[mapping])

    seen = take_in_until(feed, mapping=mapping, killed_at=killed_at)

    assert seen == rows_there() == before
    died = ImportRun.objects.latest("pk")
    assert died.state == ImportState.RUNNING

    run = take_in_when_free(feed, mapping=mapping)
    after = rows_there()
    again = take_in(feed, mapping=mapping)

    assert (run.state, run.rows_refused) == (ImportState.DONE, 0)
    assert after != before
    assert rows_there() == after
    things = [counts for counts in again.counts.values() if isinstance(counts, dict)]
    assert {counts.get("added", 0) for counts in things} == {0}
    assert issues(died) == [(0, "", "interrupted: nothing of it was written")]


@pytest.mark.django_db(transaction=True)
def test_upload_whose_import_was_killed_waits_to_be_done_again(brand, feed):
    write_feed(feed, *CONTRACTS)
    take_in_until(feed, mapping="standard", killed_at="dates")
    died = ImportRun.objects.get()
    ImportChunk.objects.create(run=died, position=0, content=feed.read_bytes())

    take_in_when_free(feed)

    died.refresh_from_db()
    assert died.state == ImportState.QUEUED
    assert issues(died) == []
    run = take_in(feed, run=died)
    assert (run.pk, run.state) == (died.pk, ImportState.DONE)
