"""An XLSX file of one sheet, written row by row: memory stays flat, and no cell is a formula."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from xlsxwriter import Workbook

LONGEST_CELL = 32_767
# Before that day, spreadsheets count a 29 February 1900.
_FIRST_DAY = date(1900, 3, 1)


class Guarded(str):
    """Text that a spreadsheet would take for a formula if it were typed in."""

    __slots__ = ()


def write_sheet(file: IO[bytes], rows: Iterable[Sequence[Any]]) -> None:
    """Numbers, days and instants without zone are written as such, None as nothing, and
    everything else as text. A `Guarded` text stays text even after somebody has edited the cell.
    """
    # Closing removes the temporary files of the sheet, also where `rows` gave up.
    with Workbook(file, {"constant_memory": True}) as book:
        guarded = book.add_format({"quote_prefix": True})
        day = book.add_format({"num_format": 14})
        instant = book.add_format({"num_format": 22})
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, bool):
                    sheet.write_boolean(number, column, value)
                elif isinstance(value, int | float | Decimal):
                    sheet.write_number(number, column, value)
                elif isinstance(value, datetime) and value.date() >= _FIRST_DAY:
                    sheet.write_datetime(number, column, value, instant)
                elif isinstance(value, date) and _is_day(value):
                    sheet.write_datetime(number, column, value, day)
                else:
                    style = guarded if isinstance(value, Guarded) else None
                    sheet.write_string(number, column, str(value)[:LONGEST_CELL], style)


def _is_day(value: date) -> bool:
    return not isinstance(value, datetime) and value >= _FIRST_DAY
