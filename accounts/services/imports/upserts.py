"""Takes rows in that came with one call: the rules are those of a file, the answer is at once."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.enums import ImportKind, ImportState, RowStatus
from accounts.models import ImportRun
from accounts.services.imports.api_rows import (
    API_MAPPING,
    FORMATS,
    Key,
    Known,
    StatedRow,
    api_content,
    api_names,
    key_of,
    known_by_key,
    lock_known,
    state_rows,
)
from accounts.services.imports.findings import refuse_rows
from accounts.services.imports.importing import (
    ImportIsRunning,
    finish_run,
    known_references,
    staged_columns,
)
from accounts.services.imports.mapping import parse_mapping
from accounts.services.imports.merging import Merge
from accounts.services.imports.offers import offer_problems
from accounts.services.imports.row_results import (
    Merged,
    RowFault,
    RowResult,
    TakenRows,
    results_of,
)
from accounts.services.imports.rows import Problems, References, RowReader
from accounts.sql import import_reminders, import_staging
from cxcrm.base.errors import DomainError
from cxcrm.users.models import User

# A caller waits so long for another import, no longer: it holds a connection meanwhile.
SECONDS_TO_WAIT = 3
_LONGEST_NAME = 64


class AddedMeanwhile(DomainError):
    code = "added_meanwhile"


@dataclass(frozen=True, slots=True)
class Upserted:
    run: ImportRun
    results: list[RowResult]


@transaction.atomic
def upsert_rows(
    *,
    kind: ImportKind,
    rows: Iterable[object],
    brand_ids: Collection[int] | None,
    sha256: str,
    at: datetime,
    actor: User,
) -> Upserted:
    """Add or change what the rows say, in the transaction of the caller; each is an object as JSON
    says it, in the names of the API (`api_rows.FORMATS`), with numbers as they were written.

    What a row does not say stays as it is, or takes its default where the thing is new. A row with
    a fault is refused as a whole, the others come in; all else is as `import_feed` has it, as of
    the day of `at` in UTC, but that contracts bring no products along. The run and its findings
    stay in the list of imports. `brand_ids`: the only ones that there are for this caller.
    `sha256`: of the body that the rows came in.

    Raises ImportIsRunning; AddedMeanwhile where others add the same things again and again.
    """
    if not import_staging.wait_for_import_lock(seconds=SECONDS_TO_WAIT):
        raise ImportIsRunning(_("Another import is running. Try again when it is done."))
    references = _references(brand_ids)
    stated = list(state_rows(rows, kind))

    def upserted() -> Upserted:
        return _upserted(kind, stated, references, sha256=sha256, at=at, actor=actor)

    try:
        return upserted()
    except AddedMeanwhile:
        # Somebody has added it since we looked: now it can be seen.
        return upserted()


@transaction.atomic
def _upserted(
    kind: ImportKind,
    stated: list[StatedRow],
    references: References,
    *,
    sha256: str,
    at: datetime,
    actor: User,
) -> Upserted:
    keys = [key_of(row, FORMATS[kind], references["brand"]) for row in stated]
    taken = TakenRows(stated, keys)
    meant = {key for _row, key in taken.meant()}
    lock_known(kind, meant)
    before = known_by_key(kind, meant)
    run = _begun(kind, taken, sha256=sha256, at=at, actor=actor)
    reader = RowReader(
        mapping=parse_mapping(API_MAPPING, api_content(kind)),
        header=list(FORMATS[kind].fields),
        as_of=run.as_of,
        references=references,
        brand=None,
        time_zones=import_staging.known_time_zones(),
    )
    _read(kind, taken, before, reader)
    _refuse_repeated(kind, taken)
    if kind == ImportKind.PRODUCTS:
        _refuse_offers(taken, reader.fields)
    merged = _merge(run, kind, taken, reader.fields)
    results = results_of(kind, taken, before, merged)
    created = sum(result.status == RowStatus.CREATED for result in results)
    if run.counts[kind]["added"] < created:
        raise AddedMeanwhile(_("Others are adding the same at this moment. Try again."))
    return Upserted(run, results)


def _references(brand_ids: Collection[int] | None) -> References:
    references = dict(known_references())
    if brand_ids is not None:
        brands = references["brand"].items()
        references["brand"] = {code: pk for code, pk in brands if pk in brand_ids}
    return references


def _begun(
    kind: ImportKind, taken: TakenRows, *, sha256: str, at: datetime, actor: User
) -> ImportRun:
    brands = {key[0] for _row, key in taken.meant()}
    return ImportRun.objects.create(
        kind=kind,
        file_name="API",
        file_sha256=sha256,
        mapping=API_MAPPING,
        mapping_content=api_content(kind),
        brand_id=brands.pop() if len(brands) == 1 else None,
        as_of=at.date(),
        state=ImportState.RUNNING,
        started_at=at,
        started_by=actor,
        rows_read=len(taken.rows),
    )


def _read(
    kind: ImportKind, taken: TakenRows, before: Mapping[Key, Known], reader: RowReader
) -> None:
    form = FORMATS[kind]
    names = api_names(kind)
    places = {name: place for place, name in enumerate(form.fields)}
    for row, key in zip(taken.rows, taken.keys, strict=True):
        if row.fault:
            taken.refuse(row.number, RowFault("", "invalid", row.fault))
            continue
        known = before.get(key) if key else None
        unsaid = [form.fields[name] for name in form.kept_names if name not in row.said]
        values, problems = reader.read(
            list(row.cells.values()),
            {places[name]: reason for name, reason in row.bad.items()},
            kept={name: known.values[name] for name in unsaid} if known else {},
        )
        for name in form.key:
            if not row.cells[name]:
                problems.setdefault(form.fields[name], _("is missing"))
        if of_key := {form.fields[name] for name in form.key} & problems.keys():
            # Before it is known what a row means nobody can say what it lacks.
            problems = {name: problems[name] for name in of_key}
        faults = [*_unknown(row, form.fields), *_faults(row, problems, names)]
        if faults:
            taken.refuse(row.number, *faults)
        else:
            taken.values[row.number] = values


def _unknown(row: StatedRow, names: Collection[str]) -> Iterator[RowFault]:
    for name in row.unknown:
        yield RowFault(name[:_LONGEST_NAME], "unknown", _("There are: %s.") % ", ".join(names))


def _faults(row: StatedRow, problems: Problems, names: Mapping[str, str]) -> Iterator[RowFault]:
    for ours, reason in problems.items():
        name = names[ours]
        code = "invalid"
        if not row.cells[name] and name not in row.bad:
            code = "required"
        elif name == "brand" and name not in row.bad:
            code = "not_found"
        yield RowFault(name, code, reason)


def _refuse_repeated(kind: ImportKind, taken: TakenRows) -> None:
    name = FORMATS[kind].key[-1]
    first: dict[Key, int] = {}
    for row, key in taken.meant():
        if row.number not in taken.values:
            continue
        line = first.setdefault(key, row.number)
        if line != row.number:
            reason = _("stands in line {line} already").format(line=line)
            taken.refuse(row.number, RowFault(name, "repeated", reason))


def _refuse_offers(taken: TakenRows, fields: Collection[str]) -> None:
    names = api_names(ImportKind.PRODUCTS)
    numbers = list(taken.values)
    found = offer_problems(list(taken.values.values()), fields)
    for number, problems in zip(numbers, found, strict=True):
        if problems:
            taken.refuse(number, *_faults(taken.rows[number - 1], problems, names))


def _merge(run: ImportRun, kind: ImportKind, taken: TakenRows, fields: frozenset[str]) -> Merged:
    """Merge the rows that could be read."""
    columns = staged_columns(kind)
    in_order = itemgetter(*columns)
    import_staging.drop_staging()
    import_staging.create_staging(columns=columns)
    import_staging.stage(
        columns=columns,
        rows=((number, *in_order(values)) for number, values in taken.values.items()),
        issues=(
            (number, fault.field, fault.message)
            for number, faults in taken.faults.items()
            for fault in faults
        ),
    )
    import_staging.analyze_staging()
    refuse_rows(kind, fields, as_of=run.as_of, adds_products=False)
    merge = Merge(run, kind, fields)
    merge.begin()
    for step in merge.steps():
        step()
    merge.finish()
    finish_run(run, state=ImportState.DONE, counts=merge.counts)
    is_contracts = kind == ImportKind.CONTRACTS
    decided = import_reminders.decided_contracts() if is_contracts else set()
    issues = import_staging.read_issues()
    import_staging.drop_staging()
    return Merged([issue for issue in issues if issue[0] not in taken.faults], decided)
