"""The one writer of CSV and XLSX. What a cell holds is never run as a formula by whoever opens it.

CSV is UTF-8 with a byte order mark, without which Excel guesses another encoding; commas, lines
end with CR LF, days as `2026-01-31`, decimals with a point. An import reads such a file as it is.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, Any

from django.http import FileResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cxcrm.base.errors import DomainError
from cxcrm.base.sheets import Guarded, write_sheet

XLSX_ROWS = 1_048_576
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A chunk leaves once it holds this many rows.
_ROWS_PER_CHUNK = 500

# What spreadsheets take for the beginning of a formula; the last four are the full-width twins.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
# Characters that XML 1.0 does not know; the other control characters are of no use in CSV either.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class TooManyRows(DomainError):
    code = "too_many_rows"


class _Line:
    """A file for `csv.writer` that hands back what was written."""

    def __init__(self) -> None:
        self._written: list[str] = []

    def write(self, text: str) -> None:
        self._written.append(text)

    def take(self) -> bytes:
        text, self._written = "".join(self._written), []
        return text.encode()


def safe_cell(value: Any) -> str:
    """A value as it stands in CSV.

    Text that a spreadsheet might take for a formula gets an apostrophe in front, which the
    import takes off a phone number again. Numbers and days are written as such: they are no text.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        written = _writable(value)
        return f"'{written}" if _looks_like_formula(value, written) else written
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int | float):
        return str(value)
    return safe_cell(str(value))


def csv_lines(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The file in chunks; no more than one chunk is held in memory."""
    line = _Line()
    writer = csv.writer(line)
    line.write("\ufeff")
    writer.writerow([safe_cell(cell) for cell in header])
    yield line.take()
    waiting = 0
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
        waiting += 1
        if waiting == _ROWS_PER_CHUNK:
            yield line.take()
            waiting = 0
    if waiting:
        yield line.take()


def write_xlsx(file: IO[bytes], header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
    """Write one sheet: numbers, days and instants as such, everything else as plain text.

    Memory stays flat. Raises TooManyRows where a sheet cannot hold them; what was written to
    `file` until then is no sheet.
    """
    write_sheet(file, _sheet_rows(header, rows))


def csv_response(
    name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """The file `name`.csv, sent while it is read."""
    return StreamingHttpResponse(
        csv_lines(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def xlsx_response(name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> FileResponse:
    """The file `name`.xlsx, sent from disk once it is whole. Raises TooManyRows."""
    file = TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        write_xlsx(file, header, rows)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{name}.xlsx", content_type=XLSX_TYPE)


FILE_TYPES = {"csv": csv_response, "xlsx": xlsx_response}


def _writable(text: str) -> str:
    return text if text.isprintable() else _UNWRITABLE.sub("", text)


def _looks_like_formula(text: str, written: str) -> bool:
    return text.startswith(_FORMULA_STARTS) or written.lstrip(" \u00a0").startswith(_FORMULA_STARTS)


def _sheet_rows(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    yield [_sheet_cell(cell) for cell in header]
    for number, row in enumerate(rows, start=2):
        if number > XLSX_ROWS:
            raise TooManyRows(
                _("A sheet holds no more than 1,048,576 rows: narrow the list or take CSV.")
            )
        yield [_sheet_cell(cell) for cell in row]


def _sheet_cell(value: Any) -> Any:
    if isinstance(value, str):
        written = _writable(value)
        return Guarded(written) if _looks_like_formula(value, written) else written
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(tzinfo=None)  # sheets know no time zones
    if value is None or isinstance(value, date | Decimal | int | float):
        return value
    return _sheet_cell(str(value))
