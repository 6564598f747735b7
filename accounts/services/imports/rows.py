"""Turns a row of cells into the values of our fields, or into what is wrong with it."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from accounts.enums import AfterTerm
from accounts.services.imports.fields import FIELDS, MAIL_CLASSES, Field
from accounts.services.imports.files import FeedRefused
from accounts.services.imports.kinds import Moment, Text, in_zone, quoted
from accounts.services.imports.mapping import (
    Cells,
    Derived,
    FeedMapping,
    FromColumn,
    FromValue,
    MappingRefused,
)

_DEFAULTED_FROM = {
    field.name: field.default_from for field in FIELDS.values() if field.default_from
}
_MOMENTS = [field.name for field in FIELDS.values() if isinstance(field.kind, Moment)]

Values = dict[str, Any]
Problems = dict[str, str]


@dataclass(frozen=True, slots=True)
class _ReadField:
    name: str
    read: Callable[[Cells], Any]


class RowReader:
    """Reads the rows of one feed. `fields`: what the feed says, apart from the brand.

    `brand` is that of all rows, for mappings that do not say it. Raises FeedRefused where the
    mapping needs columns that the header does not have, MappingRefused where a value of it does
    not fit, or the brand is said twice or not at all.
    """

    def __init__(
        self,
        *,
        mapping: FeedMapping,
        header: list[str],
        as_of: date,
        brands: Mapping[str, int],
        brand: str | None,
        time_zones: Collection[str],
    ) -> None:
        positions = {name: position for position, name in enumerate(header)}
        sources = {
            name: source
            for name, source in mapping.sources.items()
            if not (
                isinstance(source, FromColumn)
                and source.optional
                and source.column not in positions
            )
        }
        needed = {column for source in sources.values() for column in source.columns}
        if missing := sorted(needed - positions.keys()):
            raise FeedRefused(
                _("line 1: these columns are missing, mapping %(mapping)s needs them: %(missing)s")
                % {"mapping": mapping.name, "missing": ", ".join(missing)},
                line=1,
            )
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
        self.fields = frozenset(sources)
        self._as_of = as_of
        self._constants: Values = {field.name: field.default for field in FIELDS.values()}
        self._read_fields: list[_ReadField] = []
        for name, source in sources.items():
            parse = self._parser(FIELDS[name], mapping, brands, time_zones)
            if isinstance(source, FromValue):
                try:
                    self._constants[name] = parse(source.value)
                except ValueError as error:
                    raise MappingRefused(f"{mapping.name}, {name}: {error}.", field=name) from None
            elif isinstance(source, Derived):
                derived = source.reader(positions, as_of)
                self._read_fields.append(
                    _ReadField(name, _required(derived) if FIELDS[name].required else derived)
                )
            else:
                read = _parsed(source.reader(positions), parse)
                self._read_fields.append(_ReadField(name, read))

    def read(self, cells: Cells) -> tuple[Values, Problems]:
        """The values of all fields, or for each bad field the reason (then the values are void)."""
        values = dict(self._constants)
        problems: Problems = {}
        for field in self._read_fields:
            try:
                values[field.name] = field.read(cells)
            except ValueError as error:
                problems[field.name] = str(error)
        if not problems:
            for name, reason in _contradictions(values, self._as_of):
                problems.setdefault(name, reason)
        if not problems:
            _complete(values)
        return values, problems

    @staticmethod
    def _parser(
        field: Field,
        mapping: FeedMapping,
        brands: Mapping[str, int],
        time_zones: Collection[str],
    ) -> Callable[[str], Any]:
        def parse(text: str) -> Any:
            if not text:
                if field.required:
                    raise ValueError(_("is missing"))
                return field.default
            if field.name == "brand":
                return _brand_id(text, brands)
            value = field.kind.parse(text, mapping.notation)
            # A zone that PostgreSQL does not know would stop every statement over all accounts.
            if field.name == "time_zone" and value not in time_zones:
                raise ValueError(_("%s is a time zone that the database does not know") % value)
            return value

        # Most kinds take few values again and again; names and numbers are new in each row.
        return parse if isinstance(field.kind, Text) else lru_cache(4_096)(parse)


def _parsed(read: Callable[[Cells], str], parse: Callable[[str], Any]) -> Callable[[Cells], Any]:
    return lambda cells: parse(read(cells))


def _required(derive: Callable[[Cells], date | None]) -> Callable[[Cells], date]:
    def read(cells: Cells) -> date:
        day = derive(cells)
        if day is None:
            raise ValueError(_("is missing"))
        return day

    return read


def _brand_id(code: str, brands: Mapping[str, int]) -> int:
    if code not in brands:
        raise ValueError(
            _("there is no brand %(code)s; there are %(codes)s")
            % {"code": quoted(code), "codes": ", ".join(brands) or _("none")}
        )
    return brands[code]


def _contradictions(values: Values, as_of: date) -> Iterator[tuple[str, str]]:
    """Fields that do not fit to others of the same row, with the reason."""
    starts_on, ends_on = values["starts_on"], values["ends_on"]
    if ends_on is not None and ends_on < starts_on:
        yield "ends_on", _("lies before the start, %s") % starts_on
    if values["after_term"] == AfterTerm.RENEWS:
        for name in ("first_term_months", "renewal_term_months"):
            if values[name] is None:
                yield name, _("is missing, and the contract renews")
    elif values["renewal_term_months"] is not None:
        yield "renewal_term_months", _("must be empty, as the contract does not renew")
    if values["reminded_on"] is not None and values["reminded_on"] > as_of:
        yield "reminded_on", _("lies after %s") % as_of
    if values["contact_name"] is None:
        for name in ("contact_number", "contact_address", "contact_phone"):
            if values[name]:
                yield "contact_name", _("is missing, and there is a %s") % name
    for mail_class in MAIL_CLASSES:
        names = [f"{mail_class}_{part}" for part in ("basis", "source", "since")]
        given = [name for name in names if values[name] is not None]
        if given:
            for name in names:
                if name not in given:
                    yield name, _("is missing, and there is a %s") % given[0]
            if values["contact_address"] is None:
                yield given[0], _("belongs to a mail address, and there is none")


def _complete(values: Values) -> None:
    for name, other in _DEFAULTED_FROM.items():
        if values[name] is None:
            values[name] = values[other]
    for name in _MOMENTS:
        if values[name] is not None:
            values[name] = in_zone(values[name], values["time_zone"])
    values["contact_key"] = _contact_key(values)


def _contact_key(values: Values) -> str | None:
    """What tells the contacts of one account apart: number, else address, else name."""
    if values["contact_name"] is None:
        return None
    if values["contact_number"]:
        return f"number {values['contact_number']}"
    if values["contact_address"]:
        return f"address {values['contact_address']}"
    return f"name {values['contact_name']}"
