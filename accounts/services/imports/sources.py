"""Where the value of a field comes from: a column, a template, a fixed value, a derivation."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from accounts.services.imports.derivations import Derivation
from accounts.services.imports.kinds import quoted

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")

# Of a row: its cells, in the order of the header.
Cells = list[str]
ReadCell = Callable[[Cells], str]


def _translated(read: ReadCell, values: Mapping[str, str] | None) -> ReadCell:
    if values is None:
        return read

    def translate(cells: Cells) -> str:
        cell = read(cells)
        try:
            return values[cell]
        except KeyError:
            raise ValueError(
                _("%(value)s is not in the mapping, which knows %(known)s")
                % {"value": quoted(cell), "known": ", ".join(values)}
            ) from None

    return translate


@dataclass(frozen=True, slots=True)
class FromColumn:
    column: str
    values: Mapping[str, str] | None = None
    optional: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def reader(self, positions: Mapping[str, int]) -> ReadCell:
        position = positions[self.column]
        return _translated(lambda cells: cells[position].strip(), self.values)


@dataclass(frozen=True, slots=True)
class FromTemplate:
    """Text with {columns}; empty where one of them is."""

    template: str
    values: Mapping[str, str] | None = None

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

        return _translated(fill, self.values)


@dataclass(frozen=True, slots=True)
class FromValue:
    value: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """The cell of the column that the value of another column stands for."""

    by: str
    cases: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.by, *self.cases.values())

    def reader(self, positions: Mapping[str, int]) -> ReadCell:
        chooser = positions[self.by]
        places = {value: positions[column] for value, column in self.cases.items()}

        def choose(cells: Cells) -> str:
            value = cells[chooser].strip()
            try:
                return cells[places[value]].strip()
            except KeyError:
                raise ValueError(
                    _("%(value)s in %(column)s is not in the mapping, which knows %(known)s")
                    % {"value": quoted(value), "column": self.by, "known": ", ".join(places)}
                ) from None

        return choose


@dataclass(frozen=True, slots=True)
class Derived:
    derivation: Derivation
    columns: tuple[str, ...]
    texts: tuple[str, ...]

    def reader(self, positions: Mapping[str, int], as_of: date) -> Callable[[Cells], date | None]:
        compute, texts = self.derivation.compute, self.texts
        places = [positions[column] for column in self.columns]
        return lambda cells: compute(as_of, *(cells[place].strip() for place in places), *texts)


Source = FromColumn | FromTemplate | FromValue | Chosen | Derived


def required(derive: Callable[[Cells], date | None]) -> Callable[[Cells], date]:
    def read(cells: Cells) -> date:
        day = derive(cells)
        if day is None:
            raise ValueError(_("is missing"))
        return day

    return read


def bad_places(
    bad_cells: Mapping[int, str], places: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, str]]:
    """The fields that are filled from cells which cannot be used, with the reason."""
    for name, used in places.items():
        for place in used:
            if place in bad_cells:
                yield name, bad_cells[place]
                break
