"""A file uploaded through a real web process is imported by a real worker, also by the second one
where the first is killed in the middle; meanwhile nobody sees a row of it."""

from django.db import connection

from accounts.enums import ImportState
from accounts.models import Account, Contract, ImportChunk, ImportRun, TimelineEvent
from tests.accounts.imports.feeds import row, write_feed
from tests.factories import BrandFactory
from tests.journeys.desk import Desk
from tests.waiting import wait_until

CONTRACTS = 300


def upload(desk: Desk, tmp_path) -> ImportRun:
    brand = BrandFactory(code="web")
    feed = write_feed(
        tmp_path / "feed.csv",
        *(
            row(
                account_number=f"K{number}",
                account_name=f"Firma {number}",
                contact_number=f"P{number}",
                contact_address=f"p{number}@brot.example",
                contract_number=f"V{number}",
            )
            for number in range(CONTRACTS)
        ),
    )
    shown = desk.upload(
        "/desk/accounts/importrun/upload/",
        {"kind": "contracts", "as_of": "2026-06-01", "brand": str(brand.pk), "mapping": "standard"},
        feed.read_bytes(),
    )
    assert "What the columns mean" in shown
    return ImportRun.objects.get()


def state_of(run: ImportRun) -> str:
    return ImportRun.objects.values_list("state", flat=True).get(pk=run.pk)


def test_upload_is_imported_by_a_worker_and_the_page_shows_it_done(deployment, desk, tmp_path):
    deployment.start_worker()
    run = upload(desk, tmp_path)
    start = f"/desk/accounts/importrun/{run.pk}/start/"

    desk.post(start, {}, form=start)
    wait_until(lambda: state_of(run) == ImportState.DONE, 60, "the end of the import")

    page = desk.get(f"/desk/accounts/importrun/{run.pk}/change/")
    assert "What the import has done" in page
    assert Contract.objects.count() == CONTRACTS
    # The worker removes the file after the import is committed.
    wait_until(lambda: not ImportChunk.objects.exists(), 10, "the end of the file")


def test_import_whose_worker_is_killed_is_completed_without_doubles(deployment, desk, tmp_path):
    worker = deployment.start_worker()
    deployment.start_beat()
    run = upload(desk, tmp_path)
    start = f"/desk/accounts/importrun/{run.pk}/start/"

    with connection.cursor() as cursor:
        # The import comes as far as the contracts and waits there: accounts are written by then.
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE accounts_contract IN SHARE MODE")
        desk.post(start, {}, form=start)
        wait_until(lambda: at_contracts(desk, run), 60, "the import at its contracts")
        accounts_seen = desk.get("/desk/accounts/account/?q=Firma")
        worker.kill()
        cursor.execute("COMMIT")

    assert "Firma 299" not in accounts_seen
    wait_until(lambda: state_of(run) == ImportState.DONE, 90, "the end of the import")
    assert Account.objects.count() == Contract.objects.count() == CONTRACTS
    assert TimelineEvent.objects.filter(kind="contract_added").count() == CONTRACTS
    assert "Firma 299" in desk.get("/desk/accounts/account/?q=Firma")
    run.refresh_from_db()
    assert (run.attempts, run.rows_read, run.rows_refused) == (2, CONTRACTS, 0)


def at_contracts(desk: Desk, run: ImportRun) -> bool:
    return "Writing contracts" in desk.get(f"/desk/accounts/importrun/{run.pk}/progress/")
