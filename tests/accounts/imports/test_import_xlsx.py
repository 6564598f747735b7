import zipfile
from datetime import date, datetime
from decimal import Decimal

import pytest
from openpyxl import Workbook

from accounts.models import Account, Contract
from accounts.services.imports import FeedRefused, read_sample
from accounts.services.imports.files import xlsx_file
from cxcrm.outbox.models import MailPermission
from tests.accounts.imports.feeds import issues, row, take_in

pytestmark = pytest.mark.django_db

# Excel knows no time zones.
TYPED = {
    "starts_on": date(2026, 1, 15),
    "concluded_on": datetime(2025, 12, 20),  # noqa: DTZ001 - a sheet knows no zones
    "newsletter_since": datetime(2025, 12, 20, 9, 30),  # noqa: DTZ001 - a sheet knows no zones
    "price": 9.9,
    "renewal_price": 0.1 + 0.2,
    "tax_rate": 19,
    "first_term_months": 12.0,
    "is_trial": True,
    "account_name": "=no formula",
}


@pytest.fixture
def book(brand, tmp_path):
    """Writes rows as a workbook and takes it in."""

    def write(*rows: dict, change=lambda book: None):
        workbook = Workbook()
        sheet = workbook.active
        sheet.append(list(rows[0]))
        for a_row in rows:
            sheet.append(list(a_row.values()))
        for cells in sheet.iter_rows(min_row=2):
            for cell in cells:
                if cell.value == "=no formula":
                    cell.data_type = "s"
        change(workbook)
        path = tmp_path / "feed.xlsx"
        workbook.save(path)
        return path

    return write


def test_xlsx_comes_in_with_exact_numbers_days_and_texts(book):
    run = take_in(book(row() | TYPED))

    assert issues(run) == []
    contract = Contract.objects.get()
    assert (contract.price, contract.renewal_price) == (Decimal("9.90"), Decimal("0.30"))
    assert (contract.starts_on, contract.concluded_on) == (date(2026, 1, 15), date(2025, 12, 20))
    assert (contract.first_term_months, contract.is_trial) == (12, True)
    assert Account.objects.get().name == "=no formula"
    assert MailPermission.objects.get().granted_at.isoformat() == "2025-12-20T08:30:00+00:00"


def test_xlsx_suits_the_notation_of_the_mapping(book):
    mapping = {
        "date_format": "%d.%m.%Y",
        "decimal_comma": True,
        "fields": {name: {"column": name} for name in row()},
    }
    days = {"concluded_on": "20.12.2025", "newsletter_since": "20.12.2025", "ends_on": ""}
    a_row = row(**days, tax_rate="19,00", renewal_price="12,50")

    take_in(book(a_row | {"starts_on": date(2026, 1, 15), "price": 9.9}), mapping=mapping)

    contract = Contract.objects.get()
    assert (contract.price, contract.starts_on) == (Decimal("9.90"), date(2026, 1, 15))


def test_xlsx_refuses_cells_that_are_no_values(book):
    run = take_in(
        book(
            row(price="=1+1"),
            row(contract_number="V2", price="#N/A"),
            row(contract_number="V3", unused="=1+1"),
            row(contract_number="V4", account_name="x" * 10_001),
            change=lambda workbook: workbook.active.cell(1, len(row()) + 1, "unused"),
        )
    )

    assert issues(run) == [
        (2, "price", "is a formula: save the values alone"),
        (3, "price", "is an error (#N/A)"),
        (5, "", "a cell is longer than 10 kB"),
    ]
    assert Contract.objects.get().external_id == "V3"


def test_xlsx_leaves_out_empty_rows_and_counts_lines_as_excel_does(book):
    def change(workbook):
        sheet = workbook.active
        sheet.append([])
        sheet.append(list(row(contract_number="V2", price="?").values()))
        sheet.merge_cells("A6:C9")
        sheet.cell(20, 1).number_format = "0.00"

    run = take_in(book(row(), change=change))

    assert issues(run) == [(4, "price", "“?” is no number like 1234.50")]
    assert run.rows_read == 2


def test_xlsx_refuses_a_row_with_cells_beyond_the_header(book):
    path = book(row(), change=lambda workbook: workbook.active.cell(2, 40, "x"))

    assert issues(take_in(path)) == [(2, "", "has 40 cells, the header has 35")]


def test_xlsx_takes_the_first_sheet_or_the_one_that_the_mapping_names(book):
    def change(workbook):
        workbook.create_sheet("Notes", 0).append(["nothing"])

    sources = {name: {"column": name} for name in row()}
    path = book(row(), change=change)

    take_in(path, mapping={"sheet": "Sheet", "fields": sources})

    assert Contract.objects.count() == 1
    assert read_sample(file=path).header == ["nothing"]
    with pytest.raises(FeedRefused, match="no sheet “Other”; it has: Notes, Sheet"):
        take_in(path, mapping={"sheet": "Other", "fields": sources})


def test_xlsx_refuses_a_header_given_twice_or_missing(book):
    def double(workbook):
        workbook.active.cell(1, 2, "account_number")

    with pytest.raises(FeedRefused, match="these columns appear more than once: account_number"):
        take_in(book(row(), change=double))
    with pytest.raises(FeedRefused, match="line 1 is empty: a header is needed there"):
        take_in(book(row(), change=lambda workbook: workbook.active.insert_rows(1)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0 old", "is an Excel file of the old form (.xls) or has a password"),
        (b"PK\x03\x04 no more", "is no Excel workbook (.xlsx), or it is broken"),
    ],
)
def test_files_that_only_look_like_workbooks_are_refused(take_in_text, content, message):
    with pytest.raises(FeedRefused) as refusal:
        take_in_text(content)

    assert message in str(refusal.value)


def test_archives_and_broken_workbooks_are_refused(brand, book, tmp_path):
    archive = tmp_path / "feed.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("feed.csv", "account_number\n1\n")
    with pytest.raises(FeedRefused, match=r"is no Excel workbook \(\.xlsx\)"):
        take_in(archive)

    path = book(*(row(contract_number=f"V{number}") for number in range(200)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FeedRefused, match="or it is broken"):
        take_in(path)


def test_zip_bombs_are_refused_by_what_they_would_unpack_to(book, monkeypatch, tmp_path):
    path = book(row())
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path) as reader, zipfile.ZipFile(bomb, "w") as writer:
        for name in reader.namelist():
            writer.writestr(name, reader.read(name))
        with writer.open("xl/media/zeros.bin", "w") as zeros:
            zeros.write(bytes(2 * 2**20))

    monkeypatch.setattr(xlsx_file, "MOST_UNPACKED", 2**20)
    with pytest.raises(FeedRefused, match="larger than 1 GB once unpacked"):
        take_in(bomb)

    monkeypatch.setattr(xlsx_file, "MOST_UNPACKED", 2**30)
    monkeypatch.setattr(xlsx_file, "MOST_IN_MEMORY", 2**20)
    with pytest.raises(FeedRefused, match="holds more than 100 MB beside its rows"):
        take_in(bomb)


def test_cell_of_many_megabytes_is_refused_before_it_is_read(book, monkeypatch):
    monkeypatch.setattr(xlsx_file, "LONGEST_LINE", 4_096)
    monkeypatch.setattr(xlsx_file, "_CHUNK", 512)

    def change(workbook):
        workbook.active.cell(2, 1).value = "x"

    path = book(row(), change=change)
    _put_inline_text(path, "y" * 100_000)

    with pytest.raises(FeedRefused, match="longer than 16 MB"):
        take_in(path)


def _put_inline_text(path, text: str) -> None:
    with zipfile.ZipFile(path) as reader:
        parts = {name: reader.read(name) for name in reader.namelist()}
    name = "xl/worksheets/sheet1.xml"
    cell = f'<row r="3"><c r="A3" t="inlineStr"><is><t>{text}</t></is></c></row></sheetData>'
    parts[name] = parts[name].replace(b"</sheetData>", cell.encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as writer:
        for part, content in parts.items():
            writer.writestr(part, content)
