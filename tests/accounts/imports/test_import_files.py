import gzip
import hashlib

import pytest

from accounts.enums import ImportState
from accounts.models import Account, Contact, Contract, ImportRun
from accounts.services.imports import BrandUnknown, FeedRefused, ImportIsRunning, MappingRefused
from accounts.services.imports.files import Row, open_feed
from accounts.sql import import_staging
from cxcrm.base.exports import safe_cell
from tests.accounts.imports.feeds import issues, row, take_in, write_feed

pytestmark = pytest.mark.django_db

HEADER = ",".join(row())
GOOD = ",".join(row().values())


def test_import_reads_gzip_and_remembers_which_file_it_was(brand, feed, tmp_path):
    zipped = tmp_path / "feed.csv.gz"
    zipped.write_bytes(gzip.compress(write_feed(feed, row()).read_bytes()))

    run = take_in(zipped)

    assert Contract.objects.count() == 1
    assert run.file_name == "feed.csv.gz"
    assert run.file_sha256 == hashlib.sha256(zipped.read_bytes()).hexdigest()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_import_finds_the_delimiter_in_the_header(brand, feed, delimiter):
    take_in(write_feed(feed, row(account_name="A, B; C"), delimiter=delimiter))

    assert Account.objects.get().name == "A, B; C"


def test_import_reads_a_byte_order_mark_windows_lines_and_blank_lines(take_in_text):
    run = take_in_text(f"\ufeff{HEADER}\r\n\r\n{GOOD}\r\n\r\n")

    assert (run.rows_read, run.rows_refused) == (1, 0)
    assert Account.objects.get().external_id == "K1"


def test_import_leaves_out_lines_of_separators_only(take_in_text):
    separators = "," * HEADER.count(",")
    run = take_in_text(f"{HEADER}\n{separators}\n , ,\n{GOOD}\n{separators}\n")

    assert (run.rows_read, run.rows_refused) == (1, 0)


@pytest.mark.parametrize(("written", "line"), [("a,b\n{},1\n", 2), ('{{"a": "{}", "b": 1}}\n', 1)])
def test_rows_that_are_refused_for_a_long_cell_do_not_keep_it(feed, written, line):
    feed.write_text(written.format("x" * 20_000), encoding="utf-8")

    with open_feed(feed) as opened:
        assert list(opened.rows()) == [Row(line, [], "a cell is longer than 10 kB")]


def test_import_of_a_header_alone_is_done(take_in_text):
    run = take_in_text(HEADER + "\n")

    assert (run.state, run.rows_read) == (ImportState.DONE, 0)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "line 1 is empty: a header is needed there"),
        (
            f"{HEADER}\n{GOOD}\n{GOOD}".replace("ä", "a").encode() + "ä".encode("latin-1"),
            3,
            "line 3, byte {byte} is no UTF-8: save the file as UTF-8",
        ),
        (
            f"{HEADER}\n{GOOD}\0\n".encode(),
            2,
            "line 2 holds a NUL byte: the file is no text in UTF-8",
        ),
        (f"{HEADER},price\n".encode(), 1, "line 1: these columns appear more than once: price"),
        (
            b"account_number,price\n1,2\n",
            1,
            "line 1: these columns are missing, mapping standard needs them: after_term, "
            "billing_period_months, contract_number, currency, product_code, starts_on",
        ),
        (f'{HEADER}\n{GOOD}\n"{GOOD}\n'.encode(), 3, "line 3: a quotation mark is never closed"),
    ],
    ids=["empty", "latin-1", "nul", "duplicate header", "missing columns", "open quote"],
)
def test_import_refuses_a_file_that_it_cannot_read_and_names_the_line(
    take_in_text, content, line, message
):
    with pytest.raises(FeedRefused) as refusal:
        take_in_text(content)

    byte = len(GOOD.replace("ä", "a").encode()) + 1
    assert str(refusal.value) == message.format(byte=byte)
    assert refusal.value.line == line
    assert Account.objects.count() == 0


def test_import_keeps_a_refused_file_as_a_run(take_in_text):
    with pytest.raises(FeedRefused):
        take_in_text(f"{HEADER}\n{GOOD}\0\n")

    run = ImportRun.objects.get()
    assert run.state == ImportState.REFUSED
    assert issues(run) == [(2, "", "line 2 holds a NUL byte: the file is no text in UTF-8")]


def test_import_refuses_a_broken_gzip(brand, feed, tmp_path):
    zipped = tmp_path / "feed.csv.gz"
    zipped.write_bytes(gzip.compress(write_feed(feed, row()).read_bytes())[:-20])

    with pytest.raises(FeedRefused, match="is cut off or broken: it does not unzip"):
        take_in(zipped)


def test_import_looks_at_the_content_and_not_at_the_name(brand, feed, tmp_path):
    plain = tmp_path / "feed.csv.gz"
    plain.write_bytes(write_feed(feed, row()).read_bytes())

    assert take_in(plain).counts["contracts"]["added"] == 1


def test_import_refuses_a_gzip_that_breaks_on_the_way_and_leaves_a_trace(brand, feed, tmp_path):
    zipped = tmp_path / "feed.csv.gz"
    rows = [row(contract_number=f"C{number}", account_name="x" * 150) for number in range(4_000)]
    whole = gzip.compress(write_feed(feed, *rows).read_bytes(), compresslevel=0)
    zipped.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(FeedRefused, match="is cut off or broken: it does not unzip"):
        take_in(zipped)

    assert list(ImportRun.objects.values_list("state", flat=True)) == ["refused"]


def test_import_refuses_a_missing_file(brand, tmp_path):
    with pytest.raises(FeedRefused, match="The file cannot be read: No such file or directory"):
        take_in(tmp_path / "none.csv")


def test_import_names_the_brands_that_exist(brand, feed):
    write_feed(feed, row())

    with pytest.raises(BrandUnknown, match="There is no brand “wab”; there are: web"):
        take_in(feed, brand="wab")
    with pytest.raises(MappingRefused, match=r"does not say the brand.* There are: web\."):
        take_in(feed, brand=None)


def test_import_refuses_a_brand_said_twice(take_in_rows):
    with pytest.raises(MappingRefused, match="says the brand itself"):
        take_in_rows(row(brand="web"))


def test_import_does_not_run_beside_another(brand, feed, other_session):
    write_feed(feed, row())
    other_session.submit(import_staging.take_import_lock).result()

    with pytest.raises(ImportIsRunning):
        take_in(feed)

    other_session.submit(import_staging.release_import_lock).result()
    assert take_in(feed).state == ImportState.DONE


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "'=1"])
def test_import_takes_what_looks_like_a_formula_as_text(take_in_rows, text):
    take_in_rows(row(account_name=text))

    assert Account.objects.get().name == text


def test_phone_number_survives_export_and_import(take_in_rows):
    take_in_rows(row(contact_phone=safe_cell("+49721123456")))

    assert Contact.objects.get().phone == "+49721123456"


def test_import_of_thousands_reports_every_bad_row_and_adds_nothing_again(brand, feed):
    rows = [
        row(
            account_number=f"K{number // 2}",
            contract_number=f"V{number}",
            price="?" if number % 100 == 99 else "9.90",
        )
        for number in range(5_000)
    ]
    write_feed(feed, *rows)

    run, again = take_in(feed), take_in(feed)

    assert (run.rows_read, run.rows_refused) == (5_000, 50)
    assert run.counts["contracts"] == {"added": 4_950, "changed": 0, "unchanged": 0}
    reason = "“?” is no number like 1234.50"
    bad_lines = range(101, 5_002, 100)
    assert issues(run) == [(line, "price", reason) for line in bad_lines]
    assert again.counts["contracts"] == {"added": 0, "changed": 0, "unchanged": 4_950}
    assert Contract.objects.count() == 4_950
