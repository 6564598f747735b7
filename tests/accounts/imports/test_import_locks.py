"""Others hold rows that an import is to write."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Account, ImportRun
from accounts.sql import import_merging
from tests.accounts.imports.feeds import row, take_in, write_feed


def wait_of_this_session() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_merge_waits_for_locks_longer_than_pages_do(brand, feed):
    usual = wait_of_this_session()
    waits = {}

    def look(progress):
        waits[progress.step] = wait_of_this_session()

    take_in(write_feed(feed, row()), on_progress=look)

    assert (waits["reading"], waits["contracts"]) == (usual, "5min")
    assert wait_of_this_session() == usual != "5min"


@pytest.mark.django_db(transaction=True)
def test_import_that_waits_too_long_is_refused_and_says_so(brand, feed, other_session, monkeypatch):
    monkeypatch.setattr(import_merging, "LONGEST_WAIT", "50ms")
    take_in(write_feed(feed, row()))
    other_session.submit(hold_accounts).result()
    try:
        with pytest.raises(CommandError, match=r"nothing was written: .*lock timeout"):
            call_command(
                "import_feed",
                str(write_feed(feed, row(account_name="New"))),
                "--mapping=standard",
                "--as-of=2026-06-01",
                "--brand=web",
                stdout=StringIO(),
            )
    finally:
        other_session.submit(let_go).result()

    run = ImportRun.objects.latest("pk")
    assert (run.state, run.finished_at is None) == ("refused", False)
    assert "lock timeout" in run.issues.get().reason
    assert Account.objects.get().name != "New"
    assert take_in(feed).state == "done"


def hold_accounts() -> None:
    connection.set_autocommit(False)
    list(Account.objects.select_for_update())


def let_go() -> None:
    connection.rollback()
    connection.set_autocommit(True)
