"""XLSX: one sheet, read row by row, after the container was looked at with suspicion."""

import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from django.utils.translation import gettext as _
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from accounts.services.imports.files.rows import (
    LONGEST_LINE,
    FeedRefused,
    Row,
    checked_header,
    fault_of_text,
    fault_of_width,
    has_long_cell,
)
from accounts.services.imports.kinds import Notation, quoted

MOST_UNPACKED = 2**30
# All that stands beside the rows, like the texts that several cells share, is held in memory.
MOST_IN_MEMORY = 100 * 2**20
MOST_PARTS = 10_000
_CHUNK = 2**20
_BROKEN = (
    zipfile.BadZipFile,
    InvalidFileException,
    ParseError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    struct.error,
)
Rows = Callable[[], Iterator[Row]]


@contextmanager
def opened_workbook(
    raw: BinaryIO, sheet: str, notation: Notation
) -> Iterator[tuple[list[str], Rows, tuple[str, ...]]]:
    """Header and rows of the sheet, the first if none is named, and the names of all sheets.
    Raises FeedRefused."""
    with _as_refusal():
        _check_container(raw)
        with warnings.catch_warnings():
            # About drawings and styles that do not concern us.
            warnings.simplefilter("ignore")
            workbook = _open(raw)
    try:
        with _as_refusal():
            sheets = tuple(worksheet.title for worksheet in workbook.worksheets)
            worksheet = _worksheet(workbook, sheet, sheets)
            records = worksheet.iter_rows()
            header = _header(next(records, ()), notation)
        yield header, lambda: _rows(records, len(header), notation), sheets
    finally:
        workbook.close()


@contextmanager
def _as_refusal() -> Iterator[None]:
    try:
        yield
    except FeedRefused:
        raise
    except _BROKEN:
        raise FeedRefused(_("The file is no Excel workbook (.xlsx), or it is broken.")) from None


def _check_container(raw: BinaryIO) -> None:
    with zipfile.ZipFile(raw) as archive:
        parts = archive.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
            raise FeedRefused(
                _("The workbook is larger than 1 GB once unpacked: save the table as CSV.")
            )
        for part in parts:
            if part.filename.startswith("xl/worksheets/"):
                if part.file_size > LONGEST_LINE:
                    with archive.open(part) as stream:
                        _check_rows_end(stream)
            elif part.file_size > MOST_IN_MEMORY:
                raise FeedRefused(
                    _("The workbook holds more than 100 MB beside its rows: save the table as CSV.")
                )


def _check_rows_end(stream: Any) -> None:
    """A row is held in memory as a whole."""
    since_end = 0
    while chunk := stream.read(_CHUNK):
        end = chunk.rfind(b"</")
        since_end = since_end + len(chunk) if end < 0 else len(chunk) - end
        if since_end > LONGEST_LINE:
            raise FeedRefused(_("A cell of the workbook is longer than 16 MB."))


class _Unmeasured(ReadOnlyWorksheet):
    """What a file says about its own size need not be so; and where it says nothing the library
    would read all of its rows to find that out."""

    def _get_size(self) -> None:
        pass


class _WorkbookReader(ExcelReader):
    def read_worksheets(self) -> None:
        for sheet, relation in self.parser.find_sheets():
            if relation.target not in self.valid_files:
                continue
            if "chartsheet" in relation.Type:
                self.read_chartsheet(sheet, relation)
                continue
            self.wb._sheets.append(
                _Unmeasured(self.wb, sheet.name, relation.target, self.shared_strings)
            )


def _open(raw: BinaryIO) -> Any:
    reader = _WorkbookReader(raw, read_only=True, keep_links=False)
    reader.read()
    return reader.wb


def _worksheet(workbook: Any, sheet: str, names: Sequence[str]) -> Any:
    if not names:
        raise FeedRefused(_("The workbook has no sheet with cells."))
    if sheet and sheet not in names:
        raise FeedRefused(
            _("The workbook has no sheet %(sheet)s; it has: %(names)s.")
            % {"sheet": quoted(sheet), "names": ", ".join(names)}
        )
    return workbook[sheet or names[0]]


def _header(record: Sequence[Any], notation: Notation) -> list[str]:
    cells, bad_cells = _read(record, notation)
    if bad_cells:
        place, reason = next(iter(bad_cells.items()))
        raise FeedRefused(
            _("line 1: the name of column %(number)d %(reason)s")
            % {"number": place + 1, "reason": reason},
            line=1,
        )
    return checked_header(cells)


def _rows(records: Iterator[Sequence[Any]], columns: int, notation: Notation) -> Iterator[Row]:
    line = 1
    while True:
        line += 1
        try:
            with _as_refusal():
                record = next(records, None)
        except FeedRefused as refusal:
            raise FeedRefused(str(refusal), line=line) from None
        if record is None:
            return
        cells, bad_cells = _read(record, notation)
        if not cells:
            continue
        cells += [""] * (columns - len(cells))
        fault = fault_of_width(len(cells), columns)
        if not fault and has_long_cell(cells):
            fault = _("a cell is longer than 10 kB")
        yield Row(line, [], fault) if fault else Row(line, cells, "", bad_cells)


def _read(record: Sequence[Any], notation: Notation) -> tuple[list[str], dict[int, str]]:
    """The cells up to the last that is not empty, and those that cannot be used."""
    cells: list[str] = []
    bad_cells: dict[int, str] = {}
    used = 0
    for place, cell in enumerate(record):
        value = cell.value
        if value is None:
            cells.append("")
            continue
        try:
            text = _text(value, cell.data_type, notation)
        except ValueError as error:
            bad_cells[place] = str(error)
            text = ""
            used = place + 1
        if text.strip():
            used = place + 1
        cells.append(text)
    return cells[:used], bad_cells


def _text(value: Any, data_type: str, notation: Notation) -> str:
    if data_type == "f":
        raise ValueError(_("is a formula: save the values alone"))
    if data_type == "e":
        raise ValueError(_("is an error (%s)") % value)
    if isinstance(value, str):
        if fault := fault_of_text(value):
            raise ValueError(fault)
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # Excel keeps and shows 15 digits; what stands behind them is an artefact of its arithmetic.
        plain = format(Decimal(f"{value:.15g}"), "f")
        return notation.write_number(plain)
    if isinstance(value, datetime):
        if value.time() == time():
            return notation.write_day(value.date())
        return value.isoformat()
    if isinstance(value, date):
        return notation.write_day(value)
    raise ValueError(_("is neither text nor number nor day"))
