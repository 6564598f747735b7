"""JSON lines: one object per line. The columns are the keys of all objects, so it is read twice."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
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

# Written out, a number may have so many digits more than in the file.
_LARGEST_EXPONENT = 40


# Only an escape can bring in what no line of UTF-8 holds.
_ESCAPE = "\\u"


class _Number(str):
    """A number as the file writes it."""


def read_ndjson(
    open_lines: Callable[[], Lines], notation: Notation
) -> tuple[list[str], Callable[[], Iterator[Row]]]:
    header = checked_header(list(_all_keys(open_lines())))
    return header, lambda: _rows(open_lines(), header, notation)


def _all_keys(lines: Lines) -> dict[str, None]:
    keys: dict[str, None] = {}
    problem = None
    with suppress(EnoughRead):
        for text in lines:
            try:
                keys |= dict.fromkeys(_object(text))
            except ValueError as error:
                problem = problem or (lines.number, str(error))
            if len(keys) > MOST_COLUMNS:
                break
    if problem and not keys:
        line, reason = problem
        raise FeedRefused(
            _("line %(line)d %(reason)s") % {"line": line, "reason": reason}, line=line
        )
    return keys


def _rows(lines: Lines, header: list[str], notation: Notation) -> Iterator[Row]:
    for text in lines:
        if not text.strip():
            continue
        try:
            values = _object(text)
            cells = [_cell(name, values.get(name), notation) for name in header]
        except ValueError as error:
            yield Row(lines.number, [], str(error))
            continue
        fault = _("a cell is longer than 10 kB") if has_long_cell(cells) else ""
        if not fault and _ESCAPE in text:
            fault = _fault_of_texts(cells)
        yield Row(lines.number, [] if fault else cells, fault)


def _object(text: str) -> dict[str, Any]:
    try:
        read = json.loads(
            text.rstrip(),
            object_pairs_hook=_without_doubles,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise ValueError(_("holds values inside of values")) from None
    except json.JSONDecodeError as error:
        raise ValueError(
            _("is no JSON, from character %(column)d on: one object per line is needed")
            % {"column": error.colno}
        ) from None
    if not isinstance(read, dict):
        raise ValueError(_("is no JSON object like {…}"))
    if _ESCAPE in text and (fault := _fault_of_texts(read)):
        raise ValueError(_("the name of a value %(reason)s") % {"reason": fault})
    return read


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


def _cell(name: str, value: Any, notation: Notation) -> str:
    if value is None:
        return ""
    if isinstance(value, _Number):
        return notation.write_number(_without_exponent(value))
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    raise ValueError(_("%s holds values inside of a value") % quoted(name))
