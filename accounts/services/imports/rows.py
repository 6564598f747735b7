"""Turns a row of cells into the values of our fields, or into what is wrong with it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from accounts.services.imports.fields import Field, fields_of
from accounts.services.imports.files import FeedRefused, Row
from accounts.services.imports.kinds import Reference, Text, quoted
from accounts.services.imports.mapping import FeedMapping, MappingRefused
from accounts.services.imports.row_checks import Values, faults_of_row
from accounts.services.imports.sources import (
    Cells,
    Derived,
    FromColumn,
    FromValue,
    Source,
    bad_places,
    required,
)

Problems = dict[str, str]
_NOTHING: Values = {}
# Of a field that refers to something that is there: the ids, by code.
References = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class _ReadField:
    name: str
    read: Callable[[Cells], Any]


class RowReader:
    """Reads the rows of one feed. `fields`: what the feed says, apart from the brand.

    `brand` is that of all rows, for mappings that do not say it. Raises FeedRefused where the
    mapping needs columns that the header does not have, or an exact one does not know one that it
    has; MappingRefused where a value of it does not fit, or the brand is said twice or not at all.
    """

    def __init__(
        self,
        *,
        mapping: FeedMapping,
        header: list[str],
        as_of: date,
        references: References,
        brand: str | None,
        time_zones: Collection[str],
    ) -> None:
        known = fields_of(mapping.kind)
        positions = {name: position for position, name in enumerate(header)}
        sources = _used_sources(mapping, positions)
        if mapping.is_exact:
            _check_all_known(header, mapping)
        self._is_exact = mapping.is_exact
        _say_brand(sources, mapping, references["brand"], brand)
        self.fields = frozenset(sources)
        self._as_of = as_of
        self._check = faults_of_row(mapping.kind)
        self._defaulted_from = {
            field.name: field.default_from for field in known.values() if field.default_from
        }
        self._constants: Values = {field.name: field.default for field in known.values()}
        self._read_fields: list[_ReadField] = []
        self._places: dict[str, tuple[int, ...]] = {}
        for name, source in sources.items():
            field = known[name]
            parse = _parser(field, mapping, references, time_zones)
            self._places[name] = tuple(positions[column] for column in source.columns)
            if isinstance(source, FromValue):
                try:
                    self._constants[name] = parse(source.value)
                except ValueError as error:
                    raise MappingRefused(f"{mapping.name}, {name}: {error}.", field=name) from None
            elif isinstance(source, Derived):
                derived = source.reader(positions, as_of)
                self._read_fields.append(
                    _ReadField(name, required(derived) if field.required else derived)
                )
            else:
                read = _parsed(source.reader(positions), parse)
                self._read_fields.append(_ReadField(name, read))

    def fault_of(self, row: Row) -> str:
        """Why a row is refused before anybody looks at its cells."""
        if not row.fault and self._is_exact and not row.is_whole:
            return _("leaves names out that other lines have: say null for what is empty")
        return row.fault

    def read(
        self, cells: Cells, bad_cells: Mapping[int, str], *, kept: Values = _NOTHING
    ) -> tuple[Values, Problems]:
        """The values of all fields, and for each bad field the reason (its value is void). `kept`:
        what the fields say of which the row says nothing."""
        values = self._constants | kept
        problems: Problems = dict(bad_places(bad_cells, self._places)) if bad_cells else {}
        for field in self._read_fields:
            if field.name in problems or field.name in kept:
                continue
            try:
                values[field.name] = field.read(cells)
            except ValueError as error:
                problems[field.name] = str(error)
        if not problems:
            for name, reason in self._check(values, self._as_of):
                problems.setdefault(name, reason)
        if not problems:
            for name, other in self._defaulted_from.items():
                if values[name] is None:
                    values[name] = values[other]
            if "contact_name" in values:
                values["contact_key"] = _contact_key(values)
        return values, problems


def _used_sources(mapping: FeedMapping, positions: Mapping[str, int]) -> dict[str, Source]:
    """The sources of the mapping without the optional ones that the file does not have."""
    sources = {
        name: source
        for name, source in mapping.sources.items()
        if not (
            isinstance(source, FromColumn) and source.optional and source.column not in positions
        )
    }
    fields = fields_of(mapping.kind)
    groups = {fields[name].group for name in sources} - {""}
    needed = {column for source in sources.values() for column in source.columns}
    # Optional columns that others of their group call for.
    needed |= {
        column
        for name, source in mapping.sources.items()
        for column in source.columns
        if fields[name].required and fields[name].group in groups
    }
    if missing := sorted(needed - positions.keys()):
        raise FeedRefused(
            _("line 1: these columns are missing, mapping %(mapping)s needs them: %(missing)s")
            % {"mapping": mapping.name, "missing": ", ".join(missing)},
            line=1,
        )
    return sources


def _check_all_known(header: list[str], mapping: FeedMapping) -> None:
    known = {column for source in mapping.sources.values() for column in source.columns}
    if unknown := [name for name in header if name not in known]:
        raise FeedRefused(
            _("nobody knows these names: %(unknown)s; there are: %(known)s")
            % {"unknown": ", ".join(map(quoted, unknown)), "known": ", ".join(sorted(known))}
        )


def _say_brand(
    sources: dict[str, Source],
    mapping: FeedMapping,
    brands: Mapping[str, int],
    brand: str | None,
) -> None:
    if brand is None and "brand" not in sources:
        raise MappingRefused(
            _(
                "Mapping %(mapping)s does not say the brand: say it for the whole file "
                "(--brand CODE). There are: %(codes)s."
            )
            % {"mapping": mapping.name, "codes": ", ".join(brands) or _("none")},
            field="brand",
        )
    if brand is not None:
        if "brand" in sources:
            raise MappingRefused(
                _("Mapping %s says the brand itself: leave it out (--brand).") % mapping.name,
                field="brand",
            )
        sources["brand"] = FromValue(brand)


def _parser(
    field: Field, mapping: FeedMapping, references: References, time_zones: Collection[str]
) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        if not text:
            if field.required:
                raise ValueError(_("is missing"))
            return field.default
        if isinstance(field.kind, Reference):
            return _look_up(text, field.name, references[field.name])
        value = field.kind.parse(text, mapping.notation)
        # A zone that PostgreSQL does not know would stop every statement over all accounts.
        if field.name == "time_zone" and value not in time_zones:
            raise ValueError(_("%s is a time zone that the database does not know") % value)
        return value

    # Most kinds take few values again and again; names and numbers are new in each row.
    return parse if isinstance(field.kind, Text) else lru_cache(4_096)(parse)


def _parsed(read: Callable[[Cells], str], parse: Callable[[str], Any]) -> Callable[[Cells], Any]:
    return lambda cells: parse(read(cells))


def _look_up(code: str, field: str, ids: Mapping[str, int]) -> int:
    if code not in ids:
        raise ValueError(
            _("there is no %(field)s %(code)s; there are %(codes)s")
            % {
                "field": field.replace("_", " "),
                "code": quoted(code),
                "codes": ", ".join(ids) or _("none"),
            }
        )
    return ids[code]


def _contact_key(values: Values) -> str | None:
    """What tells the contacts of one account apart: number, else address, else name."""
    if values["contact_name"] is None:
        return None
    if values["contact_number"]:
        return f"number {values['contact_number']}"
    if values["contact_address"]:
        return f"address {values['contact_address']}"
    return f"name {values['contact_name']}"
