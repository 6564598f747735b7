"""CSV: the delimiter is found in the header."""

import csv
from collections.abc import Callable, Iterator

from django.utils.translation import gettext as _

from accounts.services.imports.files.rows import (
    LONGEST_LINE,
    FeedRefused,
    Row,
    checked_header,
    fault_of_width,
    has_long_cell,
)
from accounts.services.imports.files.text_lines import Lines

DELIMITERS = (",", ";", "\t")

# The csv module's own limit of 128 kB would end the whole file at one long cell.
csv.field_size_limit(LONGEST_LINE)


def read_csv(lines: Lines) -> tuple[list[str], Callable[[], Iterator[Row]]]:
    texts = iter(lines)
    first = next(texts, "")
    delimiter = max(DELIMITERS, key=first.count)
    try:
        names = next(csv.reader([first], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise FeedRefused(_("line 1: the header is no CSV (%s)") % error, line=1) from None
    header = checked_header(names)
    records = csv.reader(texts, delimiter=delimiter, strict=True)
    return header, lambda: _rows(records, lines, len(header))


def _rows(records: Iterator[list[str]], lines: Lines, columns: int) -> Iterator[Row]:
    while True:
        line = lines.number + 1
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, [], _quoting_fault(line, error))
            continue
        if not any(map(str.strip, cells)):
            continue
        fault = _fault(line, cells, columns, lines.number)
        yield Row(line, [] if fault else cells, fault)


def _quoting_fault(line: int, error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        raise FeedRefused(_("line %d: a quotation mark is never closed") % line, line=line)
    return _("the quotation marks do not match (%s)") % error


def _fault(line: int, cells: list[str], columns: int, end: int) -> str:
    if fault := fault_of_width(len(cells), columns):
        return fault
    if not has_long_cell(cells):
        return ""
    if end > line:
        return (
            _("a cell is longer than 10 kB and reaches to line %d: is a quotation mark left open?")
            % end
        )
    return _("a cell is longer than 10 kB")
