"""Reads a mapping: which column, value, template or derivation fills which of our fields."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from accounts.services.imports.derivations import DERIVATIONS, Derivation
from accounts.services.imports.fields import FIELDS, Field
from accounts.services.imports.kinds import Day, Notation, quoted
from cxcrm.base.errors import DomainError

SHIPPED = Path(__file__).parent / "mappings"

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")

# Of a row: its cells, in the order of the header.
Cells = list[str]
ReadCell = Callable[[Cells], str]


class MappingRefused(DomainError):
    code = "mapping_refused"


@dataclass(frozen=True, slots=True)
class FromColumn:
    column: str
    values: Mapping[str, str] | None = None
    optional: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def reader(self, positions: Mapping[str, int]) -> ReadCell:
        position, values = positions[self.column], self.values
        if values is None:
            return lambda cells: cells[position].strip()

        def translate(cells: Cells) -> str:
            cell = cells[position].strip()
            try:
                return values[cell]
            except KeyError:
                raise ValueError(
                    _("%(value)s is not in the mapping, which knows %(known)s")
                    % {"value": quoted(cell), "known": ", ".join(values)}
                ) from None

        return translate


@dataclass(frozen=True, slots=True)
class FromTemplate:
    """Text with {columns}; empty where one of them is."""

    template: str

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(_PLACEHOLDER.findall(self.template))

    def reader(self, positions: Mapping[str, int]) -> ReadCell:
        # Texts and column names take turns, beginning and ending with a text.
        parts = _PLACEHOLDER.split(self.template)
        texts, places = parts[::2], [positions[name] for name in parts[1::2]]

        def fill(cells: Cells) -> str:
            filled = [cells[place].strip() for place in places]
            if not all(filled):
                return ""
            pairs = zip(texts, filled, strict=False)
            return "".join(text + cell for text, cell in pairs) + texts[-1]

        return fill


@dataclass(frozen=True, slots=True)
class FromValue:
    value: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Derived:
    derivation: Derivation
    columns: tuple[str, ...]
    texts: tuple[str, ...]

    def reader(self, positions: Mapping[str, int], as_of: date) -> Callable[[Cells], date | None]:
        compute, texts = self.derivation.compute, self.texts
        places = [positions[column] for column in self.columns]
        return lambda cells: compute(as_of, *(cells[place].strip() for place in places), *texts)


Source = FromColumn | FromTemplate | FromValue | Derived


@dataclass(frozen=True, slots=True)
class FeedMapping:
    name: str
    notation: Notation
    sources: Mapping[str, Source]


def load_mapping(name: str) -> FeedMapping:
    """The shipped mapping of this name, or the TOML file at this path.

    Raises MappingRefused naming file, field and reason.
    """
    shipped = {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}
    path = shipped.get(name) or Path(name)
    try:
        content = tomllib.loads(path.read_text("utf-8"), parse_float=str)
    except FileNotFoundError:
        raise MappingRefused(
            _("There is no mapping %(name)s: say %(shipped)s or the path of a TOML file.")
            % {"name": quoted(name), "shipped": _either(shipped)}
        ) from None
    except OSError as error:
        raise MappingRefused(f"{path}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingRefused(
            _("%(file)s is no TOML: %(reason)s.") % {"file": path, "reason": error}
        ) from None
    return _Reader(path).read(name, content)


def _either(words: Any) -> str:
    return ", ".join(words)


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path

    def read(self, name: str, content: dict[str, Any]) -> FeedMapping:
        if unknown := content.keys() - {"fields", "date_format", "decimal_comma"}:
            raise self._refusal(_("nobody knows the setting %s") % _either(sorted(unknown)))
        entries = content.get("fields")
        if not isinstance(entries, dict):
            raise self._refusal(_("it has no table [fields]"))
        notation = self._notation(content)
        sources = {}
        for field_name, entry in entries.items():
            field = FIELDS.get(field_name)
            if field is None:
                raise self._refusal(_("there is no such field"), field_name)
            sources[field_name] = self._source(field, entry, notation)
        for field in FIELDS.values():
            if field.required and field.name not in sources and field.name != "brand":
                raise self._refusal(_("it is required, and nothing is mapped to it"), field.name)
        return FeedMapping(name, notation, sources)

    def _notation(self, content: dict[str, Any]) -> Notation:
        notation = Notation(
            **{key: content[key] for key in ("date_format", "decimal_comma") if key in content}
        )
        if not isinstance(notation.date_format, str):
            raise self._refusal(_("date_format must be a text"))
        if not isinstance(notation.decimal_comma, bool):
            raise self._refusal(_("decimal_comma must be true or false"))
        day = date(2026, 12, 31)
        try:
            reads_back = Day().parse(day.strftime(notation.date_format), notation) == day
        except ValueError:
            reads_back = False
        if not reads_back:
            raise self._refusal(
                _("date_format %s does not say year, month and day") % quoted(notation.date_format)
            )
        return notation

    def _source(self, field: Field, entry: Any, notation: Notation) -> Source:
        kinds = {
            "column": self._column,
            "value": self._value,
            "template": self._template,
            "derive": self._derivation,
        }
        if not isinstance(entry, dict):
            raise self._refusal(_('write it like { column = "Name" }'), field.name)
        named = [kind for kind in kinds if kind in entry]
        if len(named) != 1:
            raise self._refusal(
                _("say exactly one of %(kinds)s, not %(named)s")
                % {"kinds": _either(kinds), "named": _either(named) or _("none")},
                field.name,
            )
        return kinds[named[0]](field, entry, notation)

    def _column(self, field: Field, entry: dict[str, Any], notation: Notation) -> Source:
        self._only(field, entry, {"column", "values", "optional"})
        values = entry.get("values")
        if values is not None:
            if not isinstance(values, dict):
                raise self._refusal(_("values must be a table"), field.name)
            values = {key: self._text(field, value) for key, value in values.items()}
            for value in values.values():
                self._check(field, value, notation)
        optional = entry.get("optional", False)
        if not isinstance(optional, bool):
            raise self._refusal(_("optional must be true or false"), field.name)
        if optional and field.required and field.name != "brand":
            raise self._refusal(_("it is required, so its column cannot be optional"), field.name)
        return FromColumn(self._text(field, entry["column"]), values, optional)

    def _value(self, field: Field, entry: dict[str, Any], notation: Notation) -> Source:
        self._only(field, entry, {"value"})
        value = self._text(field, entry["value"])
        self._check(field, value, notation)
        return FromValue(value)

    def _template(self, field: Field, entry: dict[str, Any], notation: Notation) -> Source:
        self._only(field, entry, {"template"})
        template = FromTemplate(self._text(field, entry["template"]))
        if not template.columns:
            raise self._refusal(_("the template names no {column}"), field.name)
        return template

    def _derivation(self, field: Field, entry: dict[str, Any], notation: Notation) -> Source:
        name = self._text(field, entry["derive"])
        derivation = DERIVATIONS.get(name)
        if derivation is None:
            raise self._refusal(
                _("nobody knows how to derive %(name)s; known are %(known)s")
                % {"name": quoted(name), "known": _either(DERIVATIONS)},
                field.name,
            )
        if not isinstance(field.kind, Day):
            raise self._refusal(_("only days can be derived"), field.name)
        arguments = (*derivation.columns, *derivation.texts)
        self._only(field, entry, {"derive", *arguments})
        if missing := [argument for argument in arguments if argument not in entry]:
            raise self._refusal(
                _("%(name)s needs %(missing)s too") % {"name": name, "missing": _either(missing)},
                field.name,
            )
        return Derived(
            derivation,
            tuple(self._text(field, entry[argument]) for argument in derivation.columns),
            tuple(self._text(field, entry[argument]) for argument in derivation.texts),
        )

    def _only(self, field: Field, entry: dict[str, Any], known: set[str]) -> None:
        if unknown := entry.keys() - known:
            raise self._refusal(
                _("%(unknown)s does not go with %(known)s")
                % {"unknown": _either(sorted(unknown)), "known": _either(sorted(known))},
                field.name,
            )

    def _text(self, field: Field, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self._refusal(_("%s must be a text or a number") % quoted(str(value)), field.name)
        return str(value)

    def _check(self, field: Field, value: str, notation: Notation) -> None:
        try:
            if value:
                field.kind.parse(value, notation)
            elif field.required:
                raise ValueError(_("it is required, so it cannot be empty"))
        except ValueError as error:
            raise self._refusal(str(error), field.name) from None

    def _refusal(self, reason: str, field: str = "") -> MappingRefused:
        place = f"{self.path}, {field}" if field else str(self.path)
        return MappingRefused(f"{place}: {reason}.", field=field or None)
