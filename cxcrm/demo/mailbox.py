"""Where the mails of a demo arrive: a Maildir, so that any mail program can read it too.

The mail server fills it, without Django; the pages show it.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from mailbox import Maildir
from pathlib import Path


class NoSuchLetter(Exception):
    """No letter is kept under this key."""


@dataclass(frozen=True)
class Letter:
    key: str
    arrived_at: datetime
    message: EmailMessage

    def header(self, name: str) -> str:
        return str(self.message.get(name, ""))

    @property
    def sender(self) -> str:
        return self.header("From")

    @property
    def recipient(self) -> str:
        return self.header("To")

    @property
    def subject(self) -> str:
        return self.header("Subject")

    @property
    def text(self) -> str | None:
        return self._body("plain")

    @property
    def html(self) -> str | None:
        return self._body("html")

    def links_below(self, address: str) -> list[str]:
        """The addresses in its text that begin with this one, each once."""
        found = re.findall(rf"{re.escape(address)}/\S+", self.text or "")
        return list(dict.fromkeys(found))

    def _body(self, kind: str) -> str | None:
        part = self.message.get_body(preferencelist=(kind,))
        return part.get_content() if part else None


class Mailbox:
    """All letters, whoever they are for; `var` is the directory of CXCRM_VAR."""

    def __init__(self, var: Path) -> None:
        self.directory = Path(var) / "mailbox"

    def keep(self, content: bytes, *, arrived_at: float) -> str:
        """Store a letter; answers its key."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        key = Maildir(self.directory).add(content)
        os.utime(self.directory / "new" / key, (arrived_at, arrived_at))
        return key

    def newest_first(self) -> list[Path]:
        ages = {}
        for path in self._paths():
            # A mail program may take a letter away at any time, here and below.
            try:
                ages[path] = path.stat().st_mtime
            except FileNotFoundError:
                continue
        return sorted(ages, key=lambda path: (ages[path], path.name), reverse=True)

    def read(self, key: str) -> Letter:
        """Raises NoSuchLetter. The key is looked up among the letters, never made into a path."""
        for letter in read_letters(path for path in self._paths() if key_of(path) == key):
            return letter
        raise NoSuchLetter(key)

    def empty(self) -> None:
        for path in self._paths():
            path.unlink(missing_ok=True)

    def _paths(self) -> Iterator[Path]:
        for folder in ("new", "cur"):
            yield from self.directory.glob(f"{folder}/[!.]*")


def key_of(path: Path) -> str:
    """The file's name without the marks that mail programs add to it."""
    return path.name.partition(":")[0]


def read_letters(paths: Iterable[Path], *, headers_only: bool = False) -> Iterator[Letter]:
    """The letters in these files, but for those that are gone by now."""
    parser = BytesParser(policy=policy.default)
    for path in paths:
        try:
            with path.open("rb") as file:
                message = parser.parse(file, headersonly=headers_only)
                arrived_at = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        except FileNotFoundError:
            continue
        yield Letter(key_of(path), arrived_at, message)
