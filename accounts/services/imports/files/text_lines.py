"""The lines of a text file, decoded and counted."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext as _

from accounts.services.imports.files.rows import LONGEST_LINE, EnoughRead, FeedRefused

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UNZIP_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile)


def not_unzipped(*, line: int | None = None) -> FeedRefused:
    return FeedRefused(_("The file is cut off or broken: it does not unzip."), line=line)


@dataclass(slots=True)
class Lines:
    """Iterates once. `number` is that of the line that was read last. Raises FeedRefused, and
    EnoughRead after `most` bytes, unpacked ones of a packed file, or `most_lines`."""

    stream: BinaryIO | gzip.GzipFile
    most: int | None = None
    most_lines: int | None = None
    number: int = 0

    def __iter__(self) -> Iterator[str]:
        size = 0
        while raw := self._read():
            size += len(raw)
            if (self.most is not None and size > self.most) or self.number == self.most_lines:
                raise EnoughRead
            self.number += 1
            if self.number == 1:
                raw = raw.removeprefix(BYTE_ORDER_MARK)
            if len(raw) >= LONGEST_LINE:
                raise self._refusal(_("line %d is longer than 16 MB") % self.number)
            if b"\0" in raw:
                raise self._refusal(
                    _("line %d holds a NUL byte: the file is no text in UTF-8") % self.number
                )
            try:
                yield raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise self._refusal(
                    _("line %(line)d, byte %(byte)d is no UTF-8: save the file as UTF-8")
                    % {"line": self.number, "byte": error.start + 1}
                ) from None

    def _read(self) -> bytes:
        try:
            return self.stream.readline(LONGEST_LINE)
        except UNZIP_ERRORS:
            raise not_unzipped(line=self.number + 1) from None

    def _refusal(self, reason: str) -> FeedRefused:
        return FeedRefused(reason, line=self.number)
