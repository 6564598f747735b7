"""Others hold rows that an import is to write."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from accounts.models import Account, Contract, ImportRun
from accounts.sql import import_merging
from tests.accounts.imports.feeds import row, take_in, write_feed
from tests.waiting import wait_until


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [{"country": "FR", "region": ""}, {"time_zone": "Asia/Tokyo"}])
def test_feed_of_accounts_locks_contracts_before_their_accounts(brand, feed, other_session, change):
    """As everybody does: else one who holds the contract and comes for the account would wait for
    the import, which waits for the contract."""
    take_in(write_feed(feed, row()))
    names = ("account_number", "account_name", "customer_kind", "country", "region")
    names += ("language", "time_zone")
    account = {name: row(**change)[name] for name in names}

    with transaction.atomic():
        contract = Contract.objects.select_for_update(no_key=True).get()
        importing = other_session.submit(
            take_in, write_feed(feed, account), mapping="standard_accounts"
        )
        wait_until(is_waited_for, 30, "the import waits for the contract")
        Account.objects.select_for_update(nowait=True).get(pk=contract.account_id)

    assert importing.result().state == "done"


def is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (
                SELECT FROM pg_locks
                WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))
            )
            """
        )
        return cursor.fetchone()[0]


def hold_accounts() -> None:
    connection.set_autocommit(False)
    list(Account.objects.select_for_update())


def let_go() -> None:
    connection.rollback()
    connection.set_autocommit(True)
