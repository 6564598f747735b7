"""The one writer of CSV and XLSX (V18 in the table of known faults of others)."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from accounts.services.imports.kinds import Notation, Phone
from cxcrm.base import exports
from cxcrm.base.exports import TooManyRows, csv_lines, safe_cell, write_xlsx

FORMULAS = [
    "=1+1",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\0=1+1",
    "  =1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
]


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def written(header: list, rows: list) -> tuple[list[list[str]], io.BytesIO]:
    sheet = io.BytesIO()
    write_xlsx(sheet, header, rows)
    return read_csv(b"".join(csv_lines(header, rows))), sheet


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_looks_like_a_formula_is_text_in_both(text):
    shown = text.replace("\0", "")

    lines, sheet = written([text], [[text]])

    assert lines == [[f"'{shown}"], [f"'{shown}"]]
    cells = [cell for row in load_workbook(sheet).active.iter_rows() for cell in row]
    assert [cell.data_type for cell in cells] == ["s", "s"]
    assert [cell.quotePrefix for cell in cells] == [True, True]
    assert b"<f>" not in zipfile.ZipFile(sheet).read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("text", ["Müller & Söhne", "a = b", "1-2", "O'Neill", "#1", 'say "hi", x'])
def test_harmless_text_is_written_as_it_is(text):
    lines, sheet = written(["name"], [[text]])

    assert lines == [["name"], [text]]
    assert load_workbook(sheet).active["A2"].value == text


def test_numbers_and_days_are_no_text():
    row = [-5, Decimal("-1234.50"), date(2026, 1, 31), datetime(2026, 1, 31, 9, 30, tzinfo=UTC)]

    lines, sheet = written(list("abcd"), [row])

    assert lines[1] == ["-5", "-1234.50", "2026-01-31", "2026-01-31 09:30:00"]
    found = [cell.value for cell in load_workbook(sheet).active[2]]
    assert found == [
        -5,
        -1234.5,
        datetime(2026, 1, 31),  # noqa: DTZ001 - a sheet knows no zones
        datetime(2026, 1, 31, 9, 30),  # noqa: DTZ001 - a sheet knows no zones
    ]


def test_instant_is_exact_to_the_second_and_early_days_are_text():
    moment = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)

    _lines, sheet = written(["a", "b"], [[moment, date(1900, 1, 1)]])

    found = [cell.value for cell in load_workbook(sheet).active[2]]
    assert found == [moment.replace(tzinfo=None), "1900-01-01"]


def test_nothing_is_an_empty_cell():
    lines, sheet = written(["a", "b"], [[None, "x"]])

    assert lines[1] == ["", "x"]
    assert load_workbook(sheet).active["A2"].value is None


def test_phone_number_survives_export_and_import():
    cell = read_csv(b"".join(csv_lines(["phone"], [["+49721123456"]])))[1][0]

    assert Phone().parse(cell, Notation()) == "+49721123456"


def test_characters_that_xml_does_not_know_are_left_out():
    lines, sheet = written(["a"], [["a\x0bb\x1fc\ufffe"]])

    assert lines[1] == ["abc"]
    assert load_workbook(sheet).active["A2"].value == "abc"


def test_csv_begins_with_the_mark_that_excel_needs_and_comes_in_chunks():
    rows = ([number] for number in range(1_200))

    chunks = list(csv_lines(["n"], rows))

    assert chunks[0] == b"\xef\xbb\xbfn\r\n"
    assert [chunk.count(b"\r\n") for chunk in chunks] == [1, 500, 500, 200]


def test_csv_reads_no_further_than_it_has_to():
    taken = []

    def rows():
        for number in range(10_000):
            taken.append(number)
            yield [number]

    lines = csv_lines(["n"], rows())
    next(lines)
    before = len(taken)
    next(lines)

    assert (before, len(taken)) == (0, 500)


def test_more_rows_than_a_sheet_holds_are_refused(monkeypatch):
    monkeypatch.setattr(exports, "XLSX_ROWS", 3)

    write_xlsx(io.BytesIO(), ["n"], [[1], [2]])
    with pytest.raises(TooManyRows):
        write_xlsx(io.BytesIO(), ["n"], [[1], [2], [3]])


def test_cell_of_a_report_is_safe_by_itself():
    assert safe_cell("=1+1") == "'=1+1"
