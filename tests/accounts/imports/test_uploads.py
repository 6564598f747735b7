"""Files on their way from the desk to a worker."""

import gzip
from contextlib import closing
from datetime import date, timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import OperationalError, transaction

from accounts.enums import ImportState
from accounts.models import Account, ImportChunk, ImportMapping, ImportRun
from accounts.services.imports import MappingRefused, queued, uploads
from accounts.services.imports.files import opening
from accounts.services.imports.queued import run_queued_imports
from accounts.services.imports.saved_mappings import MappingNameRefused, save_mapping
from accounts.services.imports.uploads import (
    FileIsGone,
    ImportGoesOn,
    UploadRefused,
    discard_import,
    map_upload,
    open_upload,
    queue_import,
    store_upload,
)
from accounts.sql.import_progress import connect_beside, write_progress
from accounts.sql.import_staging import take_import_lock
from tests.accounts.imports.feeds import AS_OF, AT, issues, row, write_feed
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager():
    return UserFactory()


@pytest.fixture
def upload(brand, feed, manager):
    """Upload rows, or the bytes of a file."""

    def upload(*rows, content: bytes | None = None, **details) -> ImportRun:
        if content is None:
            content = write_feed(feed, *(rows or [row()])).read_bytes()
        given = {
            "file_name": "kunden.csv",
            "kind": "contracts",
            "as_of": AS_OF,
            "brand": brand,
            "mapping": "",
            "at": AT,
            "actor": manager,
        }
        return store_upload(file=ContentFile(content), **given | details)

    return upload


@pytest.fixture
def queue(manager):
    def queue(run: ImportRun, **options) -> ImportRun:
        return queue_import(
            run_id=run.pk, **{"is_dry_run": False, "at": AT, "actor": manager} | options
        )

    return queue


def test_upload_is_kept_in_pieces_and_comes_out_as_it_went_in(upload, monkeypatch):
    monkeypatch.setattr(uploads, "PIECE", 100)
    content = b"account_number,price\n" + b"K1,9.90\n" * 100

    run = upload(content=content, file_name="C:\\Users\\me\\kunden.csv")

    assert (run.state, run.file_name) == (ImportState.UPLOADED, "kunden.csv")
    assert run.chunks.count() == 9
    with open_upload(run) as path:
        assert path.read_bytes() == content
    assert not path.exists()


def test_columns_that_are_called_like_fields_are_matched(upload):
    run = upload(content=b"Account Number;contract-number;PRICE;Note\n1;2;3;4\n")

    assert run.mapping_content == {
        "kind": "contracts",
        "fields": {
            "account_number": {"column": "Account Number"},
            "contract_number": {"column": "contract-number"},
            "price": {"column": "PRICE"},
        },
    }


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"content": b""}, "file", "The file is empty."),
        ({"content": b"\n"}, "file", "line 1 is empty: a header is needed there"),
        ({"content": b"PK\x03\x04 no workbook"}, "file", None),
        ({"as_of": AT.date() + timedelta(days=2)}, "as_of", "This day has not come yet."),
        ({"mapping": "nowhere"}, "mapping", "There is no mapping “nowhere”."),
        ({"mapping": "/etc/passwd"}, "mapping", "There is no mapping “/etc/passwd”."),
        (
            {"mapping": "telco", "kind": "accounts"},
            "mapping",
            "This mapping is for rows of another kind.",
        ),
    ],
)
def test_upload_that_cannot_be_used_is_refused_and_not_kept(upload, change, field, reason):
    with pytest.raises((UploadRefused, MappingRefused)) as refusal:
        upload(**change)

    assert refusal.value.field == field
    assert reason in (None, str(refusal.value))
    assert not ImportRun.objects.exists()


def test_upload_is_looked_at_as_far_as_the_editor_of_its_mapping_will(upload):
    """The first letter that is no UTF-8 stands in a later line."""
    lines = "account_number,account_name\n" + "K1,Abc\n" * 400 + "K2,Müller\n"
    content = lines.encode("latin-1")

    with pytest.raises(UploadRefused, match="line 402, byte 5 is no UTF-8") as refusal:
        upload(content=content)

    assert refusal.value.field == "file"
    assert not ImportRun.objects.exists()


def test_upload_that_unpacks_to_more_than_is_held_is_refused(upload, monkeypatch):
    monkeypatch.setattr(opening, "MOST_UNPACKED", 1_000)
    fits, too_much = (gzip.compress(b"account_number\n" + b"\n" * size) for size in (985, 986))

    with pytest.raises(UploadRefused, match="larger than 1 GB once unpacked"):
        upload(content=too_much)

    assert upload(content=fits).state == ImportState.UPLOADED


def test_upload_above_the_limit_is_refused(upload, settings):
    settings.CXCRM_LARGEST_UPLOAD_MB = 1

    with pytest.raises(UploadRefused) as refusal:
        upload(content=b"account_number\n" + b"1" * 2**20)

    assert refusal.value.field == "file"
    assert not ImportChunk.objects.exists()


def test_dry_run_keeps_the_file_and_the_import_throws_it_away(upload, queue):
    run = upload(row(), row(contract_number="V2", account_number="K2", price="dear"))
    queue(run, is_dry_run=True)

    tried = run_queued_imports(at=AT)

    assert (tried.state, tried.rows_read, tried.rows_refused) == (ImportState.DRY_RUN, 2, 1)
    assert not Account.objects.exists()
    assert tried.chunks.exists()

    queue(run)
    done = run_queued_imports(at=AT)

    assert (done.pk, done.state) == (run.pk, ImportState.DONE)
    assert [account.external_id for account in Account.objects.all()] == ["K1"]
    assert [line for line, _field, _reason in issues(done)] == [3]
    assert not done.chunks.exists()
    assert run_queued_imports(at=AT) is None


def test_uploads_are_imported_in_the_order_of_their_arrival(upload, queue):
    first, second = upload(), upload(row(contract_number="V2"))
    queue(second)
    queue(first)

    assert [run_queued_imports(at=AT), run_queued_imports(at=AT)] == [first, second]


def test_upload_waits_while_another_import_runs(upload, queue, other_session):
    run = upload()
    queue(run)
    assert other_session.submit(take_import_lock).result()

    assert run_queued_imports(at=AT) is None

    run.refresh_from_db()
    assert run.state == ImportState.QUEUED


def test_refused_upload_says_why_and_can_be_mapped_anew(upload, queue, manager):
    run = upload()
    content = run.mapping_content
    run.mapping_content = content | {
        "fields": content["fields"] | {"price": {"column": "no such column"}}
    }
    run.save()
    queue(run)

    refused = run_queued_imports(at=AT)

    assert refused.state == ImportState.REFUSED
    [(line, _field, reason)] = issues(refused)
    assert (line, "no such column" in reason) == (1, True)

    map_upload(run_id=run.pk, mapping_content=content, at=AT, actor=manager)
    queue(run)
    assert run_queued_imports(at=AT).state == ImportState.DONE
    assert issues(run) == []


def test_import_of_a_worker_that_died_is_begun_anew_and_given_up_after_three_times(upload, queue):
    run = upload()
    queue(run)
    ImportRun.objects.filter(pk=run.pk).update(state=ImportState.RUNNING, attempts=1)

    assert run_queued_imports(at=AT).state == ImportState.DONE

    poison = upload(row(contract_number="V2"))
    queue(poison)
    ImportRun.objects.filter(pk=poison.pk).update(state=ImportState.RUNNING, attempts=3)
    assert run_queued_imports(at=AT) is None
    poison.refresh_from_db()
    assert poison.state == ImportState.REFUSED
    assert issues(poison) == [
        (0, "", "the import broke off 3 times, as where a worker dies over it")
    ]


def test_fault_inside_refuses_the_import_and_lets_the_next_one_run(
    upload, queue, monkeypatch, caplog
):
    run, following = upload(), upload(row(contract_number="V2"))
    queue(run)
    queue(following)

    content = "Bäckerei Brot owes 9.90"

    def fail(**options):
        raise RuntimeError(content)

    with monkeypatch.context() as patched:
        patched.setattr(queued, "import_feed", fail)
        assert run_queued_imports(at=AT).state == ImportState.REFUSED

    assert run_queued_imports(at=AT) == following
    assert "import_failed" in caplog.text
    assert content not in caplog.text


def test_database_that_is_away_leaves_the_import_to_the_next_sweep(upload, queue, monkeypatch):
    run = upload()
    queue(run)

    def fail(**options):
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(queued, "import_feed", fail)
        with pytest.raises(OperationalError):
            run_queued_imports(at=AT)

    assert run_queued_imports(at=AT).state == ImportState.DONE


def test_progress_is_seen_from_outside_while_the_import_goes_on(
    upload, queue, monkeypatch, other_session
):
    run = upload()
    queue(run)
    seen = []

    def look(**options):
        options["on_progress"](queued.Progress("reading", 10, 40, 7))
        seen.append(
            other_session.submit(
                lambda: ImportRun.objects.values_list(
                    "state", "step", "steps_done", "steps_total", "rows_read"
                ).get()
            ).result()
        )

    monkeypatch.setattr(queued, "import_feed", look)
    run_queued_imports(at=AT)

    assert seen == [("running", "reading", 10, 40, 7)]


def test_progress_is_left_out_where_the_import_is_writing_the_run_itself(upload):
    run = upload()

    with closing(connect_beside()) as beside, transaction.atomic():
        ImportRun.objects.select_for_update().get(pk=run.pk)
        # Waiting for the lock would be waiting for oneself.
        write_progress(beside, run_id=run.pk, step="done", done=1, total=1, rows=1)

    run.refresh_from_db()
    assert run.step == ""


def test_mapping_without_a_brand_is_refused(upload, queue):
    run = upload(brand=None)

    with pytest.raises(MappingRefused) as refusal:
        queue(run)

    assert refusal.value.field == "brand"


def test_import_that_goes_on_is_left_alone(upload, queue):
    run = upload()
    queue(run)
    ImportRun.objects.update(state=ImportState.RUNNING)

    for touch in (queue, lambda run: discard_import(run_id=run.pk)):
        with pytest.raises(ImportGoesOn):
            touch(run)


def test_discarded_upload_is_gone_and_a_dry_run_stays_with_its_findings(upload, queue):
    untouched, tried = upload(), upload(row(price="dear"))
    queue(tried, is_dry_run=True)
    run_queued_imports(at=AT)

    for run in (untouched, tried):
        discard_import(run_id=run.pk)

    assert list(ImportRun.objects.all()) == [tried]
    assert len(issues(tried)) == 1
    assert not ImportChunk.objects.exists()
    with pytest.raises(FileIsGone):
        queue(tried)


def test_files_that_nobody_goes_on_with_are_forgotten_after_a_week(upload, queue):
    untouched, tried = upload(), upload()
    queue(tried, is_dry_run=True)
    run_queued_imports(at=AT)

    run_queued_imports(at=AT + timedelta(days=7))
    assert set(ImportRun.objects.all()) == {untouched, tried}
    assert ImportChunk.objects.count() == 2

    run_queued_imports(at=AT + timedelta(days=7, seconds=1))
    assert list(ImportRun.objects.all()) == [tried]
    assert not ImportChunk.objects.exists()


def test_mapping_is_saved_with_the_import_and_used_for_the_next_file(upload, manager):
    run = upload(content=b"Kundennr,Preis\n1,2\n")
    content = run.mapping_content | {"fields": upload().mapping_content["fields"]}

    map_upload(
        run_id=run.pk, mapping_content=content, at=AT, actor=manager, save_as="Billing-Export"
    )

    assert ImportMapping.objects.get().name == "billing-export"
    assert upload(mapping="billing-export").mapping_content == content


@pytest.mark.parametrize("name", ["standard", "two words", "", "x" * 51, "../telco"])
def test_mapping_is_not_saved_under_a_name_that_is_taken_or_no_name(upload, manager, name):
    content = upload().mapping_content

    with pytest.raises(MappingNameRefused) as refusal:
        save_mapping(name=name, kind="contracts", content=content, at=AT, actor=manager)

    assert refusal.value.field == "save_as"
    assert not ImportMapping.objects.exists()


def test_saved_mapping_is_replaced_by_one_of_the_same_name(upload, manager):
    content = upload().mapping_content

    for decimal_comma in (False, True):
        save_mapping(
            name="billing",
            kind="contracts",
            content=content | {"decimal_comma": decimal_comma},
            at=AT,
            actor=manager,
        )

    assert ImportMapping.objects.get().content["decimal_comma"] is True


def test_as_of_may_be_today_where_the_day_begins_first(upload):
    assert upload(as_of=date(2026, 6, 2), at=AT.replace(hour=11)).as_of == date(2026, 6, 2)
