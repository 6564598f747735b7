"""What every form of file is read as, and the limits that hold for all of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from django.utils.translation import gettext as _

from cxcrm.base.errors import DomainError

LONGEST_LINE = 16 * 2**20
LONGEST_CELL = 10_000
MOST_COLUMNS = 1_000


class EnoughRead(Exception):
    """A sample has come to the end of what it may read."""


class FeedRefused(DomainError):
    """The whole file cannot be read; `line` is where, if it is one line's fault."""

    code = "feed_refused"

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Row:
    """`fault`: why the row as a whole is refused, which has no cells then: a batch of such rows
    would fill the memory. `bad_cells`: why single cells cannot be used, by their place."""

    line: int
    cells: list[str]
    fault: str = ""
    bad_cells: Mapping[int, str] = field(default_factory=dict)
    is_whole: bool = True


@dataclass(slots=True)
class Feed:
    """`rows` reads every row below the header, once; blank ones are left out. `sheets`: the names
    of those of a workbook. Further lines may have other columns unless `has_all_columns`."""

    header: list[str]
    rows: Callable[[], Iterator[Row]]
    size: int
    sha256: str
    file: BinaryIO
    sheets: tuple[str, ...] = ()
    has_all_columns: bool = True

    @property
    def bytes_read(self) -> int:
        """How far the file on disk is read; of a packed one, in packed bytes."""
        return min(self.file.tell(), self.size)


def checked_header(names: Sequence[str]) -> list[str]:
    """The names of the columns. Raises FeedRefused for an empty header or a name given twice."""
    header = [name.strip() for name in names]
    if not any(header):
        raise FeedRefused(_("line 1 is empty: a header is needed there"), line=1)
    if len(header) > MOST_COLUMNS:
        raise FeedRefused(_("there are more than %d columns") % MOST_COLUMNS, line=1)
    if twice := [name for name, count in Counter(header).items() if name and count > 1]:
        raise FeedRefused(
            _("line 1: these columns appear more than once: %s") % ", ".join(twice), line=1
        )
    return header


def fault_of_width(cells: int, columns: int) -> str:
    if cells == columns:
        return ""
    return _("has %(cells)d cells, the header has %(columns)d") % {
        "cells": cells,
        "columns": columns,
    }


def has_long_cell(cells: list[str]) -> bool:
    return max(map(len, cells), default=0) > LONGEST_CELL


def fault_of_text(text: str) -> str:
    """Why the database could not keep this text: forms that escape characters can say anything."""
    if "\0" in text:
        return _("holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        return _("holds half of a character")
    return ""
