"""What became of each row that an integration sent."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from accounts.enums import ImportKind, IssueSeverity, RowStatus
from accounts.services.imports.api_rows import (
    FORMATS,
    Key,
    Known,
    StatedRow,
    api_names,
    known_by_key,
)
from accounts.services.imports.row_checks import Values

# What these refer to, and is not there, is all that can be wrong with them once they are read.
_REFERENCES = {"account_external_id", "product_code"}

# Line, our field, reason, severity.
Issue = tuple[int, str, str, str]


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with a field, by the API's name; without one with the row."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row. `errors` of one that was refused; `warnings` where one that came in
    says something else than what counts here."""

    row: int
    external_id: str | None
    id: int | None
    status: RowStatus
    errors: list[RowFault]
    warnings: list[RowFault]


@dataclass(slots=True)
class TakenRows:
    """The rows of a call with what they mean; by its number each has faults, or the values that
    it was read as."""

    rows: list[StatedRow]
    keys: list[Key | None]
    faults: dict[int, list[RowFault]] = field(default_factory=dict)
    values: dict[int, Values] = field(default_factory=dict)

    def refuse(self, number: int, *faults: RowFault) -> None:
        self.faults[number] = list(faults)
        self.values.pop(number, None)

    def meant(self) -> Iterator[tuple[StatedRow, Key]]:
        """The rows that say what they mean."""
        for row, key in zip(self.rows, self.keys, strict=True):
            if key is not None:
                yield row, key


@dataclass(frozen=True, slots=True)
class Merged:
    """`issues`: what came up beside the other rows and what is there. `decided`: ids of things
    that say the same as before, and of which something was decided nevertheless."""

    issues: list[Issue]
    decided: set[int]


def results_of(
    kind: ImportKind, taken: TakenRows, before: Mapping[Key, Known], merged: Merged
) -> list[RowResult]:
    """Whether a thing is new or has changed, it says itself: nobody else has written to those that
    were there since `before`."""
    after = known_by_key(kind, {key for _row, key in taken.meant()})
    names = api_names(kind)
    errors = {number: list(faults) for number, faults in taken.faults.items()}
    warnings: dict[int, list[RowFault]] = {}
    for number, ours, reason, severity in merged.issues:
        name = names.get(ours, ours)
        if severity == IssueSeverity.CONTRADICTION:
            fault = RowFault(name, "contradiction", reason)
            warnings.setdefault(number, []).append(fault)
        else:
            code = "not_found" if name in _REFERENCES else "invalid"
            errors.setdefault(number, []).append(RowFault(name, code, reason))
    results = []
    number_name = FORMATS[kind].key[-1]
    for row, key in zip(taken.rows, taken.keys, strict=True):
        was, now = (before.get(key), after.get(key)) if key else (None, None)
        refused = errors.get(row.number, [])
        results.append(
            RowResult(
                row=row.number,
                external_id=row.cells[number_name] or None,
                id=now.id if now else None,
                status=RowStatus.REFUSED if refused else _status(was, now, merged.decided),
                errors=refused,
                warnings=warnings.get(row.number, []),
            )
        )
    return results


def _status(before: Known | None, after: Known | None, decided: set[int]) -> RowStatus:
    if before is None:
        return RowStatus.CREATED
    is_same = before == after and before.id not in decided
    return RowStatus.UNCHANGED if is_same else RowStatus.UPDATED
