"""Reads a mapping: which column, value, template or derivation fills which of our fields."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from accounts.enums import ImportKind
from accounts.models import ImportMapping
from accounts.services.imports.derivations import DERIVATIONS
from accounts.services.imports.fields import Field, fields_of
from accounts.services.imports.kinds import Day, Notation, YesNo, quoted
from accounts.services.imports.sources import (
    Chosen,
    Derived,
    FromColumn,
    FromTemplate,
    FromValue,
    Source,
)
from cxcrm.base.errors import DomainError

SHIPPED = Path(__file__).parent / "mappings"


class MappingRefused(DomainError):
    code = "mapping_refused"


@dataclass(frozen=True, slots=True)
class FeedMapping:
    """`content` is what the mapping was read from; `sheet`: of a workbook, "" for the first.
    `is_exact`: the file has no column beside those that are mapped, and each row says them all."""

    name: str
    kind: ImportKind
    notation: Notation
    sources: Mapping[str, Source]
    sheet: str
    content: Mapping[str, Any]
    is_exact: bool = False


def load_mapping(name: str) -> FeedMapping:
    """The shipped mapping of this name, else the saved one, else the TOML file at this path.

    Raises MappingRefused naming mapping, field and reason.
    """
    shipped = {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}
    if name not in shipped and (saved := ImportMapping.objects.filter(name=name).first()):
        return parse_mapping(name, saved.content)
    path = shipped.get(name) or Path(name)
    try:
        content = tomllib.loads(path.read_text("utf-8"), parse_float=str)
    except FileNotFoundError:
        saved_names = ImportMapping.objects.order_by("name").values_list("name", flat=True)
        raise MappingRefused(
            _("There is no mapping %(name)s: say %(known)s or the path of a TOML file.")
            % {"name": quoted(name), "known": _either([*shipped, *saved_names])}
        ) from None
    except OSError as error:
        raise MappingRefused(f"{path}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingRefused(
            _("%(file)s is no TOML: %(reason)s.") % {"file": path, "reason": error}
        ) from None
    return _Reader(str(path)).read(name, content)


def parse_mapping(name: str, content: Mapping[str, Any]) -> FeedMapping:
    """The mapping that `content` says, as a TOML file would. Raises MappingRefused; its message
    names the mapping where it has a name."""
    return _Reader(name).read(name, content)


def shipped_mappings() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def _either(words: Any) -> str:
    return ", ".join(words)


@dataclass(frozen=True, slots=True)
class _Reader:
    place: str

    def read(self, name: str, content: Mapping[str, Any]) -> FeedMapping:
        settings = {"kind", "fields", "date_format", "decimal_comma", "sheet", "exact"}
        if unknown := content.keys() - settings:
            raise self._refusal(_("nobody knows the setting %s") % _either(sorted(unknown)))
        entries = content.get("fields")
        if not isinstance(entries, dict):
            raise self._refusal(_("it has no table [fields]"))
        kind = content.get("kind", ImportKind.CONTRACTS.value)
        if kind not in ImportKind.values:
            raise self._refusal(
                _("kind must be one of %s") % _either(ImportKind.values), setting="kind"
            )
        sheet = content.get("sheet", "")
        if not isinstance(sheet, str):
            raise self._refusal(_("sheet must be a text"), setting="sheet")
        is_exact = content.get("exact", False)
        if not isinstance(is_exact, bool):
            raise self._refusal(_("exact must be true or false"), setting="exact")
        notation = self._notation(content)
        fields = fields_of(kind)
        sources = {}
        for field_name, entry in entries.items():
            field = fields.get(field_name)
            if field is None:
                raise self._refusal(_("there is no such field"), field_name)
            sources[field_name] = self._source(field, entry, notation)
        groups = {fields[field_name].group for field_name in sources} - {""}
        for field in fields.values():
            if field.name in sources or field.name == "brand":
                continue
            if field.is_always_required or (field.required and field.group in groups):
                raise self._refusal(_("it is required, and nothing is mapped to it"), field.name)
        return FeedMapping(name, ImportKind(kind), notation, sources, sheet, content, is_exact)

    def _notation(self, content: Mapping[str, Any]) -> Notation:
        notation = Notation(
            **{key: content[key] for key in ("date_format", "decimal_comma") if key in content}
        )
        if not isinstance(notation.date_format, str):
            raise self._refusal(_("date_format must be a text"), setting="date_format")
        if not isinstance(notation.decimal_comma, bool):
            raise self._refusal(_("decimal_comma must be true or false"), setting="decimal_comma")
        day = date(2026, 12, 31)
        try:
            reads_back = Day().parse(day.strftime(notation.date_format), notation) == day
        except ValueError:
            reads_back = False
        if not reads_back:
            raise self._refusal(
                _("date_format %s does not say year, month and day") % quoted(notation.date_format),
                setting="date_format",
            )
        return notation

    def _source(self, field: Field, entry: Any, notation: Notation) -> Source:
        kinds = {
            "column": self._column,
            "value": self._value,
            "template": self._template,
            "choose": self._choice,
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
        values = self._values(field, entry, notation)
        optional = entry.get("optional", False)
        if not isinstance(optional, bool):
            raise self._refusal(_("optional must be true or false"), field.name)
        if optional and field.is_always_required and field.name != "brand":
            raise self._refusal(_("it is required, so its column cannot be optional"), field.name)
        return FromColumn(self._text(field, entry["column"]), values, optional)

    def _value(self, field: Field, entry: dict[str, Any], notation: Notation) -> Source:
        self._only(field, entry, {"value"})
        value = self._text(field, entry["value"])
        self._check(field, value, notation)
        return FromValue(value)

    def _template(self, field: Field, entry: dict[str, Any], notation: Notation) -> Source:
        self._only(field, entry, {"template", "values"})
        values = self._values(field, entry, notation)
        template = FromTemplate(self._text(field, entry["template"]), values)
        if not template.columns:
            raise self._refusal(_("the template names no {column}"), field.name)
        return template

    def _choice(self, field: Field, entry: dict[str, Any], notation: Notation) -> Source:
        self._only(field, entry, {"choose", "cases"})
        cases = entry.get("cases")
        if not isinstance(cases, dict) or not cases:
            raise self._refusal(_("cases must be a table of values and columns"), field.name)
        return Chosen(
            self._text(field, entry["choose"]),
            {value: self._text(field, column) for value, column in cases.items()},
        )

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

    def _values(
        self, field: Field, entry: dict[str, Any], notation: Notation
    ) -> dict[str, str] | None:
        """What cells are translated to."""
        values = entry.get("values")
        if values is None:
            return None
        if not isinstance(values, dict):
            raise self._refusal(_("values must be a table"), field.name)
        texts = {key: self._text(field, value) for key, value in values.items()}
        for value in texts.values():
            self._check(field, value, notation)
        return texts

    def _only(self, field: Field, entry: dict[str, Any], known: set[str]) -> None:
        if unknown := entry.keys() - known:
            raise self._refusal(
                _("%(unknown)s does not go with %(known)s")
                % {"unknown": _either(sorted(unknown)), "known": _either(sorted(known))},
                field.name,
            )

    def _text(self, field: Field, value: Any) -> str:
        if isinstance(value, bool) and isinstance(field.kind, YesNo):
            return "yes" if value else "no"
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

    def _refusal(self, reason: str, field: str = "", *, setting: str = "") -> MappingRefused:
        place = ", ".join(part for part in (self.place, field) if part)
        return MappingRefused(
            f"{place}: {reason}." if place else f"{reason}.", field=field or setting or None
        )
