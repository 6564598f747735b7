from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.enums import ImportKind, ImportState
from accounts.models import Brand, CancellationReason, ImportRun
from accounts.services.imports.fields import fields_of
from accounts.services.imports.files import Feed, open_feed
from accounts.services.imports.findings import refuse_rows
from accounts.services.imports.kinds import quoted
from accounts.services.imports.mapping import FeedMapping, load_mapping, parse_mapping
from accounts.services.imports.merging import BATCH, Merge
from accounts.services.imports.offers import offer_problems
from accounts.services.imports.row_checks import Values
from accounts.services.imports.rows import References, RowReader
from accounts.sql import import_staging
from accounts.sql.import_merging import wait_for_locks
from cxcrm.base.errors import DomainError
from cxcrm.users.models import User

READING = "reading"


class BrandUnknown(DomainError):
    code = "brand_unknown"


class ImportIsRunning(DomainError):
    code = "import_is_running"


class ImportBrokeOff(DomainError):
    code = "import_broke_off"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: `done` of `total` bytes while reading, then merge steps."""

    step: str
    done: int
    total: int
    rows: int


OnProgress = Callable[[Progress], None]


def import_feed(
    *,
    file: Path,
    mapping: str | Mapping[str, Any],
    as_of: date,
    brand: str | None,
    dry_run: bool,
    at: datetime,
    started_by: User | None = None,
    on_progress: OnProgress | None = None,
    run: ImportRun | None = None,
) -> ImportRun:
    """Take a feed in; its mapping, a name or the content of one, says what its rows are.

    Checks every cell of every row, and rows against each other and what is there; a row with a
    fault is refused as a whole and kept as findings of the run. Writes, in one transaction and
    only where something is new or different: what the rows say with the dates as of `as_of`,
    timeline events of new accounts and contracts and of ends, prices until now, and the run. No
    history is written. Sends nothing: a reminder whose day has passed before `as_of` is held, one
    that the feed reports (`reminded_on`) counts as done. Where rows that came in contradict what
    is there, or what they say themselves in control fields, that is a finding too. A dry run does
    all of it and takes it back, but for the run and its findings.

    `run`: a row that is there already and is filled in instead of a new one. `on_progress` is
    called between steps; what it raises ends the import.

    Raises MappingRefused, BrandUnknown, ImportIsRunning, and FeedRefused for a file that cannot
    be read as a whole. A run that was there, or whose file could be opened, is left as refused.
    Where the database fails, or others hold what is to be written for too long, ImportBrokeOff;
    with a `run` that was there its own error, so that whoever queued it can begin anew.
    """
    was_there = run is not None
    on_progress = on_progress or (lambda progress: None)
    try:
        feed_mapping = (
            load_mapping(mapping)
            if isinstance(mapping, str)
            else parse_mapping(run.mapping if run else "", mapping)
        )
        references = known_references()
        check_brand(brand, references)
        with (
            open_feed(file, notation=feed_mapping.notation, sheet=feed_mapping.sheet) as feed,
            _alone(feed_mapping.kind, run),
        ):
            run = _started(run or ImportRun(file_name=file.name[:255]), feed_mapping, feed)
            run.as_of = as_of
            run.brand_id = references["brand"][brand] if brand is not None else None
            run.is_dry_run = dry_run
            run.started_at = at
            run.started_by = started_by or run.started_by
            run.save()
            reader = RowReader(
                mapping=feed_mapping,
                header=feed.header,
                as_of=as_of,
                references=references,
                brand=brand,
                time_zones=import_staging.known_time_zones(),
            )
            _stage(run, feed, reader, on_progress)
            _merge(run, feed_mapping, reader.fields, on_progress, dry_run=dry_run)
    except ImportIsRunning:
        raise
    except (OperationalError, InterfaceError) as error:
        if was_there or run is None:
            raise
        broke_off = ImportBrokeOff(
            _("The database broke the import off, nothing was written: %s") % _first_line(error)
        )
        connection.close_if_unusable_or_obsolete()
        refuse_run(run, str(broke_off))
        raise broke_off from error
    except DomainError as error:
        if run is not None:
            refuse_run(run, str(error), line=getattr(error, "line", None) or 0)
        raise
    return run


def _first_line(error: Exception) -> str:
    """Without the lines after it, which may quote a row."""
    return str(error).partition("\n")[0]


def known_references() -> References:
    reasons = CancellationReason.objects.order_by("position", "code")
    return {
        "brand": dict(Brand.objects.order_by("code").values_list("code", "id")),
        "cancellation_reason": dict(reasons.values_list("code", "id")),
    }


def check_brand(brand: str | None, references: References) -> None:
    """Raises BrandUnknown."""
    brands = references["brand"]
    if brand is not None and brand not in brands:
        raise BrandUnknown(
            _("There is no brand %(code)s; there are: %(codes)s.")
            % {"code": quoted(brand), "codes": ", ".join(brands) or _("none")},
            field="brand",
        )


def _started(run: ImportRun, mapping: FeedMapping, feed: Feed) -> ImportRun:
    run.kind = mapping.kind
    run.file_sha256 = feed.sha256
    run.mapping = mapping.name[:255]
    run.mapping_content = dict(mapping.content)
    run.state = ImportState.RUNNING
    run.finished_at = None
    run.rows_read = run.rows_refused = run.contradictions = 0
    run.counts = {}
    return run


@contextmanager
def _alone(kind: ImportKind, run: ImportRun | None) -> Iterator[None]:
    """Staging tables of our own, and no second import beside this one.

    A run that is still marked as running then has died: its transaction was never committed. One
    from the desk, whose file is kept, is done again.
    """
    if not import_staging.take_import_lock():
        raise ImportIsRunning(_("Another import is running. Try again when it is done."))
    try:
        for other in ImportRun.objects.filter(state=ImportState.RUNNING):
            if run is not None and other.pk == run.pk:
                continue
            if other.chunks.exists():
                ImportRun.objects.filter(pk=other.pk).update(state=ImportState.QUEUED)
            else:
                refuse_run(other, _("interrupted: nothing of it was written"))
        import_staging.drop_staging()
        import_staging.create_staging(columns=staged_columns(kind))
        yield
    finally:
        import_staging.drop_staging()
        import_staging.release_import_lock()


def staged_columns(kind: ImportKind) -> dict[str, str]:
    columns = {field.name: field.kind.column for field in fields_of(kind).values()}
    return columns | ({"contact_key": "text"} if "contact_name" in columns else {})


def refuse_run(run: ImportRun, reason: str, *, line: int = 0) -> None:
    """Mark a run of which nothing was written as refused; the reason is its only finding."""
    with transaction.atomic():
        run.state = ImportState.REFUSED
        run.finished_at = Now()
        run.save(update_fields=["state", "finished_at"])
        run.issues.all().delete()
        run.issues.create(line=line, field="", reason=reason[:300])


def _stage(run: ImportRun, feed: Feed, reader: RowReader, on_progress: OnProgress) -> None:
    columns = tuple(staged_columns(ImportKind(run.kind)))
    in_order = itemgetter(*columns)
    feed_rows = feed.rows()
    while batch := list(islice(feed_rows, BATCH)):
        lines: list[int] = []
        rows: list[Values] = []
        issues: list[tuple[int, str, str]] = []
        for row in batch:
            if fault := reader.fault_of(row):
                issues.append((row.line, "", fault))
                continue
            values, problems = reader.read(row.cells, row.bad_cells)
            if problems:
                issues += [(row.line, field, reason) for field, reason in problems.items()]
            else:
                lines.append(row.line)
                rows.append(values)
        if run.kind == ImportKind.PRODUCTS:
            for line, problems in zip(lines, offer_problems(rows, reader.fields), strict=True):
                issues += [(line, field, reason) for field, reason in problems.items()]
        refused = {line for line, _field, _reason in issues}
        import_staging.stage(
            columns=columns,
            rows=(
                (line, *in_order(values))
                for line, values in zip(lines, rows, strict=True)
                if line not in refused
            ),
            issues=issues,
        )
        run.rows_read += len(batch)
        on_progress(Progress(READING, feed.bytes_read, feed.size, run.rows_read))


def _merge(
    run: ImportRun,
    mapping: FeedMapping,
    fields: frozenset[str],
    on_progress: OnProgress,
    *,
    dry_run: bool,
) -> None:
    kind = ImportKind(run.kind)
    with TemporaryFile() as findings, transaction.atomic():
        merge = Merge(run, kind, fields)
        steps = merge.steps()
        total = len(steps) + 1
        on_progress(Progress("checking", 0, total, run.rows_read))
        import_staging.analyze_staging()
        refuse_rows(kind, fields, as_of=run.as_of, adds_products=not mapping.is_exact)
        with transaction.atomic():
            wait_for_locks()
            merge.begin()
            for done, step in enumerate(steps, start=1):
                on_progress(Progress(step.__name__, done, total, run.rows_read))
                step()
            merge.finish()
            import_staging.save_issues(findings)
            transaction.set_rollback(dry_run)
        if dry_run:
            import_staging.restore_issues(findings)
        finish_run(
            run,
            state=ImportState.DRY_RUN if dry_run else ImportState.DONE,
            counts=merge.counts,
        )
    on_progress(Progress("done", total, total, run.rows_read))


def finish_run(run: ImportRun, *, state: ImportState, counts: dict[str, Any]) -> None:
    """Write what came of a run, with its findings."""
    _keep_findings(run)
    run.counts = counts
    run.state = state
    run.finished_at = Now()
    run.save(
        update_fields=[
            "state",
            "finished_at",
            "rows_read",
            "rows_refused",
            "contradictions",
            "counts",
        ]
    )
    run.refresh_from_db(fields=["finished_at"])


def _keep_findings(run: ImportRun) -> None:
    run.rows_refused = import_staging.count_refused_lines()
    run.contradictions = import_staging.count_contradicted_lines()
    run.issues.all().delete()
    import_staging.keep_issues(run_id=run.pk)
