import os
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from django.db import connection

from accounts.enums import ImportState
from accounts.models import Account, Contract, ImportRun, Product, TimelineEvent
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
take_in(Path(sys.argv[1]), on_progress=wait)
"""


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


def take_in_when_free(feed) -> ImportRun:
    """The server needs a moment to notice that the process is gone, and to free its lock."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return take_in(feed)
        except ImportIsRunning:
            if time.monotonic() > deadline:
                raise


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("killed_at", ["contracts", "dates"])
def test_import_killed_while_merging_leaves_nothing_but_the_run(brand, feed, killed_at):
    write_feed(feed, row(), row(account_number="K2", contact_number="P2", contract_number="V2"))
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(feed)],
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
    with process:
        for step in process.stdout:
            if step.strip() == killed_at:
                process.kill()
                break
            process.stdin.write("\n")
            process.stdin.flush()
        process.wait()
    assert process.returncode == -signal.SIGKILL

    for model in (Account, Product, Contract, TimelineEvent, MailAddress):
        assert model.objects.count() == 0
    died = ImportRun.objects.get()
    assert died.state == ImportState.RUNNING

    run = take_in_when_free(feed)

    assert (run.state, Contract.objects.count()) == (ImportState.DONE, 2)
    assert issues(died) == [(0, "", "interrupted: nothing of it was written")]
