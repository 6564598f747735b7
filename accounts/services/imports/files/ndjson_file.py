"""JSON lines: one object per line. The columns are the keys of all objects, so it is read twice."""

import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from accounts.services.imports.files.rows import (
    MOST_COLUMNS,
    EnoughRead,
    FeedRefused,
    Row,
    checked_header,
    fault_of_text,
    has_long_cell,
)
from accounts.services.imports.files.text_lines import Lines
from accounts.services.imports.kinds import Notation, quoted
from cxcrm.base.written_numbers import WrittenNumber

# Written out, a number may have so many digits more than in the file.
_LARGEST_EXPONENT = 40


# Only an escape can bring in what no line of UTF-8 holds.
_ESCAPE = "\\u"


def read_ndjson(
    open_lines: Callable[[], Lines], notation: Notation
) -> tuple[list[str], Callable[[], Iterator[Row]], bool]:
    """The header, what reads the rows, and whether the header is that of all lines."""
    keys, has_all = _all_keys(open_lines())
    header = checked_header(list(keys))
    return header, lambda: _rows(open_lines(), header, notation), has_all


def _all_keys(lines: Lines) -> tuple[dict[str, None], bool]:
    keys: dict[str, None] = {}
    problem = None
    has_all = True
    try:
        for text in lines:
            try:
                keys |= dict.fromkeys(read_object(text))
            except ValueError as error:
                problem = problem or (lines.number, str(error))
            if len(keys) > MOST_COLUMNS:
                break
    except EnoughRead:
        has_all = False
    if problem and not keys:
        line, reason = problem
        raise FeedRefused(
            _("line %(line)d %(reason)s") % {"line": line, "reason": reason}, line=line
        )
    return keys, has_all


def _rows(lines: Lines, header: list[str], notation: Notation) -> Iterator[Row]:
    for text in lines:
        if not text.strip():
            continue
        try:
            values = read_object(text)
            cells = [cell_of(name, values.get(name), notation) for name in header]
        except ValueError as error:
            yield Row(lines.number, [], str(error))
            continue
        fault = _("a cell is longer than 10 kB") if has_long_cell(cells) else ""
        if not fault and _ESCAPE in text:
            fault = _fault_of_texts(cells)
        is_whole = len(values) == len(header)
        yield Row(lines.number, [] if fault else cells, fault, is_whole=is_whole)


def read_object(text: str) -> dict[str, Any]:
    """The object that a line holds, its numbers as they are written. ValueError says why it is
    none."""
    try:
        read = json.loads(
            text.rstrip(),
            object_pairs_hook=_without_doubles,
            parse_int=WrittenNumber,
            parse_float=WrittenNumber,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise ValueError(_("holds values inside of values")) from None
    except json.JSONDecodeError as error:
        raise ValueError(
            _("is no JSON, from character %(column)d on: one object per line is needed")
            % {"column": error.colno}
        ) from None
    read = checked_object(read)
    if _ESCAPE in text and (fault := _fault_of_texts(read)):
        raise ValueError(_("the name of a value %(reason)s") % {"reason": fault})
    return read


def checked_object(value: Any) -> dict[str, Any]:
    """Raises ValueError where what JSON says is no object."""
    if not isinstance(value, dict):
        raise ValueError(_("is no JSON object like {…}"))
    return value


def _fault_of_texts(texts: Iterable[str]) -> str:
    return next(filter(None, map(fault_of_text, texts)), "")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = {name.strip(): value for name, value in pairs}
    if len(values) < len(pairs):
        raise ValueError(_("says a key twice"))
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(_("%s is no number") % quoted(name))


def _without_exponent(number: str) -> str:
    _digits, _sign, exponent = number.lower().partition("e")
    if not exponent:
        return str(number)
    size = exponent.lstrip("+-0")
    if len(size) > len(str(_LARGEST_EXPONENT)) or int(size or 0) > _LARGEST_EXPONENT:
        raise ValueError(_("%s is a number with too large an exponent") % quoted(number))
    return format(Decimal(number), "f")


def cell_of(name: str, value: Any, notation: Notation) -> str:
    """What a value stands for in a table; ValueError says why it cannot."""
    if value is None:
        return ""
    if isinstance(value, WrittenNumber):
        return notation.write_number(_without_exponent(value))
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    raise ValueError(_("%s holds values inside of a value") % quoted(name))
