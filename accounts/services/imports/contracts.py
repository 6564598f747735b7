from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.enums import ImportState
from accounts.models import Brand, ImportIssue, ImportRun
from accounts.services.imports.fields import FIELDS, MAIL_CLASSES
from accounts.services.imports.files import Feed, open_feed
from accounts.services.imports.kinds import quoted
from accounts.services.imports.mapping import load_mapping
from accounts.services.imports.rows import RowReader
from accounts.sql import import_addresses, import_merging, import_reminders, import_staging
from accounts.sql.contract_dates import refresh_contract_dates
from cxcrm.base.errors import DomainError
from cxcrm.outbox.enums import LegalBasis, MailClass
from cxcrm.outbox.services import PermissionGrant, grant_permissions, remember_addresses
from cxcrm.users.models import User

BATCH = 10_000
# Of contracts whose dates are computed: each batch may read the tables from end to end.
DATES_BATCH = 50_000

READING = "reading"
_ALWAYS_WRITTEN = {field.name for field in FIELDS.values() if field.always_written}
_staged_columns = itemgetter(*import_staging.ROW_COLUMNS[1:])


class BrandUnknown(DomainError):
    code = "brand_unknown"


class ImportIsRunning(DomainError):
    code = "import_is_running"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: `done` of `total` bytes while reading, then merge steps."""

    step: str
    done: int
    total: int
    rows: int


OnProgress = Callable[[Progress], None]


def import_contracts(
    *,
    file: Path,
    mapping: str,
    as_of: date,
    brand: str | None,
    dry_run: bool,
    at: datetime,
    started_by: User | None = None,
    on_progress: OnProgress | None = None,
) -> ImportRun:
    """Take a feed in, one row being a contract with its account, contact and product.

    Checks every cell of every row, and rows against each other; a row with a fault is refused
    as a whole and kept as issues of the run. Writes, in one transaction and only where something
    is new or different: addresses, products, accounts, contacts, contracts with their dates as
    of `as_of`, permissions, timeline events of what is new, and the run. No history is written.
    Sends nothing: a reminder whose day has passed before `as_of` is held, one that the feed
    reports (`reminded_on`) counts as done. A dry run does all of it and takes it back, but for
    the run and its issues.

    Raises MappingRefused, BrandUnknown, ImportIsRunning, and FeedRefused for a file that cannot
    be read as a whole; once it was opened a refused run is left as a trace.
    """
    feed_mapping = load_mapping(mapping)
    brands = dict(Brand.objects.order_by("code").values_list("code", "id"))
    if brand is not None and brand not in brands:
        raise BrandUnknown(
            _("There is no brand %(code)s; there are: %(codes)s.")
            % {"code": quoted(brand), "codes": ", ".join(brands) or _("none")},
            field="brand",
        )
    on_progress = on_progress or (lambda progress: None)
    with open_feed(file) as feed, _alone():
        run = ImportRun.objects.create(
            file_name=file.name[:255],
            file_sha256=feed.sha256,
            mapping=mapping[:255],
            as_of=as_of,
            state=ImportState.RUNNING,
            started_at=at,
            started_by=started_by,
        )
        try:
            reader = RowReader(
                mapping=feed_mapping,
                header=feed.header,
                as_of=as_of,
                brands=brands,
                brand=brand,
                time_zones=import_staging.known_time_zones(),
            )
            _stage(run, feed, reader, on_progress)
        except DomainError as error:
            _refuse(run, str(error), line=getattr(error, "line", None) or 0)
            raise
        _merge(run, reader.fields, on_progress, dry_run=dry_run)
    return run


@contextmanager
def _alone() -> Iterator[None]:
    """Staging tables of our own, and no second import beside this one.

    A run that is still marked as running then has died: its transaction was never committed.
    """
    if not import_staging.take_import_lock():
        raise ImportIsRunning(_("Another import is running. Try again when it is done."))
    try:
        for run in ImportRun.objects.filter(state=ImportState.RUNNING):
            _refuse(run, _("interrupted: nothing of it was written"))
        import_staging.drop_staging()
        import_staging.create_staging()
        yield
    finally:
        import_staging.drop_staging()
        import_staging.release_import_lock()


def _refuse(run: ImportRun, reason: str, *, line: int = 0) -> None:
    with transaction.atomic():
        run.state = ImportState.REFUSED
        run.finished_at = Now()
        run.save(update_fields=["state", "finished_at"])
        ImportIssue.objects.create(run=run, line=line, field="", reason=reason[:300])


def _stage(run: ImportRun, feed: Feed, reader: RowReader, on_progress: OnProgress) -> None:
    feed_rows = feed.rows()
    while batch := list(islice(feed_rows, BATCH)):
        staged: list[tuple] = []
        issues: list[tuple[int, str, str]] = []
        for row in batch:
            if row.fault:
                issues.append((row.line, "", row.fault))
                continue
            values, problems = reader.read(row.cells)
            if problems:
                issues += [(row.line, field, reason) for field, reason in problems.items()]
            else:
                staged.append((row.line, *_staged_columns(values)))
        import_staging.stage(staged, issues)
        run.rows_read += len(batch)
        on_progress(Progress(READING, feed.bytes_read, feed.size, run.rows_read))


def _merge(
    run: ImportRun, fields: frozenset[str], on_progress: OnProgress, *, dry_run: bool
) -> None:
    with transaction.atomic():
        merge = _Merge(run, fields | _ALWAYS_WRITTEN)
        steps = merge.steps()
        on_progress(Progress("checking", 0, len(steps) + 1, run.rows_read))
        import_staging.analyze_staging()
        _check_rows_together(fields)
        run.rows_refused = import_staging.count_refused_lines()
        import_staging.keep_issues(run_id=run.pk)
        with transaction.atomic():
            merge.begin()
            for done, step in enumerate(steps, start=1):
                on_progress(Progress(step.__name__, done, len(steps) + 1, run.rows_read))
                step()
            merge.finish()
            transaction.set_rollback(dry_run)
        run.counts = merge.counts
        run.state = ImportState.DRY_RUN if dry_run else ImportState.DONE
        run.finished_at = Now()
        run.save()
    run.refresh_from_db(fields=["finished_at"])
    on_progress(Progress("done", len(steps) + 1, len(steps) + 1, run.rows_read))


def _check_rows_together(fields: frozenset[str]) -> None:
    import_staging.refuse_repeated_contracts(reason=_("stands in line {line} already"))
    for key, columns, reason in (
        (
            ("brand", "account_number"),
            import_merging.ACCOUNT_COLUMNS,
            _("differs from line {line}, which has the same account number"),
        ),
        (
            ("brand", "product_code"),
            import_merging.PRODUCT_COLUMNS,
            _("differs from line {line}, which has the same product code"),
        ),
        (
            ("brand", "account_number", "contact_key"),
            import_merging.CONTACT_COLUMNS,
            _("differs from line {line}, which has the same contact"),
        ),
    ):
        import_staging.refuse_contradictions(
            key=key, fields=[field for field in columns if field in fields], reason=reason
        )
    if "ends_on" not in fields:
        import_staging.refuse_starts_after_known_end(
            reason=_("lies after the last day that the contract has, {day}")
        )


class _Merge:
    """One method per step; `counts` tells what they have written."""

    def __init__(self, run: ImportRun, fields: frozenset[str]) -> None:
        self.run = run
        self.fields = fields
        self.at = run.started_at
        self.counts: dict[str, dict[str, int]] = {}
        self._noting: dict[str, Any] = {
            "run_id": run.pk,
            "actor_id": run.started_by_id,
            "at": run.started_at,
        }

    def steps(self) -> list[Callable[[], None]]:
        return [
            self.addresses,
            self.products,
            self.accounts,
            self.contacts,
            self.contracts,
            self.permissions,
            self.dates,
        ]

    def begin(self) -> None:
        import_merging.create_merge_tables()
        import_merging.ignore_history(ignored=True)

    def finish(self) -> None:
        import_merging.ignore_history(ignored=False)

    def addresses(self) -> None:
        for addresses in import_addresses.new_addresses(batch=BATCH):
            remember_addresses(addresses=addresses)

    def products(self) -> None:
        self.counts["products"] = asdict(import_merging.merge_products(fields=self.fields))

    def accounts(self) -> None:
        counts = import_merging.merge_accounts(fields=self.fields, **self._noting)
        self.counts["accounts"] = asdict(counts)

    def contacts(self) -> None:
        self.counts["contacts"] = asdict(import_merging.merge_contacts(fields=self.fields))

    def contracts(self) -> None:
        counts = import_merging.merge_contracts(
            fields=self.fields, as_of=self.run.as_of, **self._noting
        )
        self.counts["contracts"] = asdict(counts)

    def permissions(self) -> None:
        new, changed, unchanged = import_addresses.gather_permissions(mail_classes=MAIL_CLASSES)
        self.counts["permissions"] = {"added": new, "changed": changed, "unchanged": unchanged}
        for permissions in import_addresses.differing_permissions(batch=BATCH):
            grant_permissions(
                grants=[
                    PermissionGrant(
                        address_id=permission.address_id,
                        mail_class=MailClass(permission.mail_class),
                        basis=LegalBasis(permission.basis),
                        source=permission.source,
                        granted_at=permission.since,
                    )
                    for permission in permissions
                ],
                at=self.at,
            )

    def dates(self) -> None:
        for contract_ids in import_reminders.touched_contracts(batch=DATES_BATCH):
            refresh_contract_dates(contract_ids=contract_ids, on=self.run.as_of, at=self.at)
        self.counts["reminders"] = {
            "done_before": import_reminders.note_earlier_reminders(at=self.at),
            "held": import_reminders.hold_late_reminders(as_of=self.run.as_of, at=self.at),
        }
        for contract_ids in import_reminders.decided_contracts(batch=DATES_BATCH):
            refresh_contract_dates(contract_ids=contract_ids, on=self.run.as_of, at=self.at)
