"""Text that came from elsewhere, made fit to stand in one line of a mail."""

import re
import unicodedata

# They turn the reading direction of all that follows, so a name could rewrite a header.
DIRECTION_MARKS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)

# Spaces that do not break keep an amount together with its currency.
_BREAKING_SPACE = re.compile(r"[^\S\xa0\u202f]+")


def one_line(text: str, *, limit: int) -> str:
    """Text that may stand in a header: no line breaks, nothing that cannot be seen."""
    words = _BREAKING_SPACE.sub(" ", text).strip()
    line = "".join(
        letter
        for letter in words
        if unicodedata.category(letter) != "Cc" and letter not in DIRECTION_MARKS
    )
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def line_to_keep(text: str, *, limit: int) -> str:
    """What others said, as far as the database can keep it: a line without halves of letters."""
    return one_line("".join(part for part in text if not "\ud800" <= part <= "\udfff"), limit=limit)
