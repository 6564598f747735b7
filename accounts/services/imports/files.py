"""Reads a feed as rows of cells: CSV in UTF-8, plain or gzipped, line by line."""

import csv
import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _

from cxcrm.base.errors import DomainError

LONGEST_LINE = 16 * 2**20
LONGEST_CELL = 10_000
DELIMITERS = (",", ";", "\t")

# The csv module's own limit of 128 kB would end the whole file at one long cell.
csv.field_size_limit(LONGEST_LINE)


class FeedRefused(DomainError):
    """The whole file cannot be read; `line` is where, if it is one line's fault."""

    code = "feed_refused"

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Row:
    """`fault`: why the row as a whole is refused."""

    line: int
    cells: list[str]
    fault: str = ""


@dataclass(slots=True)
class Feed:
    path: Path
    header: list[str]
    size: int
    sha256: str
    _raw: BinaryIO
    _records: Iterator[list[str]]
    _line_number: "_LineNumber"

    @property
    def bytes_read(self) -> int:
        """How far the file on disk is read; of a gzipped one, in compressed bytes."""
        return self._raw.tell()

    def rows(self) -> Iterator[Row]:
        """Every row below the header, blank lines left out. Raises FeedRefused."""
        while True:
            line = self._line_number.value + 1
            try:
                cells = next(self._records)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(line, [], self._quoting_fault(line, error))
                continue
            except (EOFError, zlib.error, gzip.BadGzipFile):
                raise FeedRefused(_does_not_unzip(self.path), line=line) from None
            if cells:
                yield Row(line, cells, self._fault(line, cells))

    def _quoting_fault(self, line: int, error: csv.Error) -> str:
        if "unexpected end of data" in str(error):
            raise FeedRefused(_("line %d: a quotation mark is never closed") % line, line=line)
        return _("the quotation marks do not match (%s)") % error

    def _fault(self, line: int, cells: list[str]) -> str:
        if len(cells) != len(self.header):
            return _("has %(cells)d cells, the header has %(columns)d") % {
                "cells": len(cells),
                "columns": len(self.header),
            }
        if max(map(len, cells)) > LONGEST_CELL:
            end = self._line_number.value
            if end > line:
                return (
                    _(
                        "a cell is longer than 10 kB and reaches to line %d: is a quotation mark "
                        "left open?"
                    )
                    % end
                )
            return _("a cell is longer than 10 kB")
        return ""


@dataclass(slots=True)
class _LineNumber:
    """The line that was read last."""

    value: int = 0


@contextmanager
def open_feed(path: Path) -> Iterator[Feed]:
    """The feed at `path` with its header read. Raises FeedRefused."""
    try:
        with path.open("rb") as raw:
            sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
            size = raw.tell()
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            number = _LineNumber()
            lines = _decoded_lines(stream, number)
            header, records = _header_and_records(lines)
            yield Feed(path, header, size, sha256, raw, records, number)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FeedRefused(
            _("%(file)s cannot be read: %(reason)s.")
            % {
                "file": path,
                "reason": reason,
            }
        ) from None
    except (EOFError, zlib.error):
        raise FeedRefused(_does_not_unzip(path)) from None


def _does_not_unzip(path: Path) -> str:
    return _("%s is cut off or broken: it does not unzip.") % path


def _decoded_lines(stream: BinaryIO | gzip.GzipFile, number: _LineNumber) -> Iterator[str]:
    while raw := stream.readline(LONGEST_LINE):
        number.value += 1
        if number.value == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if len(raw) == LONGEST_LINE:
            raise FeedRefused(_("line %d is longer than 16 MB") % number.value, line=number.value)
        if b"\0" in raw:
            raise FeedRefused(
                _("line %d holds a NUL byte: the file is no text in UTF-8") % number.value,
                line=number.value,
            )
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FeedRefused(
                _("line %(line)d, byte %(byte)d is no UTF-8: save the file as UTF-8")
                % {"line": number.value, "byte": error.start + 1},
                line=number.value,
            ) from None


def _header_and_records(lines: Iterator[str]) -> tuple[list[str], Iterator[list[str]]]:
    first = next(lines, "")
    if not first.strip():
        raise FeedRefused(_("line 1 is empty: a header is needed there"), line=1)
    delimiter = max(DELIMITERS, key=first.count)
    try:
        header = next(csv.reader([first], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise FeedRefused(_("line 1: the header is no CSV (%s)") % error, line=1) from None
    header = [name.strip() for name in header]
    if twice := [name for name, count in Counter(header).items() if name and count > 1]:
        raise FeedRefused(
            _("line 1: these columns appear more than once: %s") % ", ".join(twice), line=1
        )
    return header, csv.reader(lines, delimiter=delimiter, strict=True)
