import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _

from accounts.services.imports.files.csv_file import read_csv
from accounts.services.imports.files.ndjson_file import read_ndjson
from accounts.services.imports.files.rows import Feed, FeedRefused, Row
from accounts.services.imports.files.text_lines import (
    BYTE_ORDER_MARK,
    UNZIP_ERRORS,
    Lines,
    not_unzipped,
)
from accounts.services.imports.files.xlsx_file import MOST_UNPACKED, opened_workbook
from accounts.services.imports.kinds import Notation

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
# Old Excel files, and new ones behind a password.
_COMPOUND = b"\xd0\xcf\x11\xe0"
_LOOKED_AT = 4_096
_PIECE = 2**20


@contextmanager
def open_feed(
    path: Path,
    *,
    notation: Notation | None = None,
    sheet: str = "",
    most: int | None = None,
    most_lines: int | None = None,
) -> Iterator[Feed]:
    """The feed at `path` with its header read. What the file is, its content tells.

    `notation`: how typed days and numbers of XLSX and JSON are to be written in cells; `sheet`:
    of a workbook, the first if none is named; `most` and `most_lines`: so many unpacked bytes
    and lines of a text are looked at, then its rows raise EnoughRead. Raises FeedRefused.
    """
    notation = notation or Notation()
    try:
        with path.open("rb") as raw:
            sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
            size = raw.tell()
            raw.seek(0)
            start = raw.read(_LOOKED_AT)
            raw.seek(0)
            if start.startswith(_ZIP):
                with opened_workbook(raw, sheet, notation) as (header, rows, sheets):
                    yield Feed(header, rows, size, sha256, raw, sheets)
            else:
                header, rows, has_all = _read_text(raw, start, notation, most, most_lines)
                yield Feed(header, rows, size, sha256, raw, has_all_columns=has_all)
    except OSError as error:
        raise FeedRefused(
            _("The file cannot be read: %s.") % (error.strerror or str(error))
        ) from None


def _read_text(
    raw: BinaryIO,
    start: bytes,
    notation: Notation,
    most: int | None,
    most_lines: int | None,
) -> tuple[list[str], Callable[[], Iterator[Row]], bool]:
    packed = start.startswith(_GZIP)
    if packed:
        start = _unpacked_start(start)
    start = start.removeprefix(BYTE_ORDER_MARK).lstrip()
    if start.startswith(_COMPOUND):
        raise FeedRefused(
            _(
                "The file is an Excel file of the old form (.xls) or has a password: "
                "save it as .xlsx."
            )
        )
    if start.startswith(_ZIP):
        raise FeedRefused(_("A packed Excel file is not read: unpack it."))
    if start.startswith(b"["):
        raise FeedRefused(_("The file is one JSON list: one object per line is needed."), line=1)

    def open_lines() -> Lines:
        raw.seek(0)
        return Lines(gzip.GzipFile(fileobj=raw) if packed else raw, most, most_lines)

    if start.startswith(b"{"):
        return read_ndjson(open_lines, notation)
    return *read_csv(open_lines()), True


def refuse_large_unpacked(path: Path) -> None:
    """Raises FeedRefused for a gzip file that unpacks to more than a workbook may."""
    with path.open("rb") as raw:
        if raw.read(len(_GZIP)) != _GZIP:
            return
        raw.seek(0)
        size = 0
        try:
            with gzip.GzipFile(fileobj=raw) as unpacked:
                while piece := unpacked.read(_PIECE):
                    size += len(piece)
                    if size > MOST_UNPACKED:
                        raise FeedRefused(
                            _("The file is larger than 1 GB once unpacked: split it.")
                        )
        except UNZIP_ERRORS:
            raise not_unzipped() from None


def _unpacked_start(start: bytes) -> bytes:
    """What a beginning of a gzip file unpacks to, as far as it goes."""
    try:
        return zlib.decompressobj(wbits=31).decompress(start, _LOOKED_AT)
    except zlib.error:
        raise not_unzipped() from None
