"""Carries out the uploads that wait for a worker, one at a time."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from time import monotonic

import structlog
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.enums import ImportState
from accounts.models import ImportChunk, ImportRun
from accounts.services.imports import Progress, import_feed
from accounts.services.imports.importing import refuse_run
from accounts.services.imports.uploads import RUN_IMPORTS, forget_old_uploads, open_upload
from accounts.sql.import_progress import connect_beside, write_progress
from accounts.sql.import_staging import release_import_lock, take_import_lock
from cxcrm.base.errors import DomainError
from cxcrm.base.logs import fault_facts
from cxcrm.base.queue import after_commit

logger = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
SECONDS_BETWEEN_WRITES = 0.5


def run_queued_imports(*, at: datetime) -> ImportRun | None:
    """Carry out the oldest upload that waits for it, and ring the bell where more do.

    Call it outside any transaction. While another import runs it leaves everything as it is. A
    run whose worker has died is begun anew: nothing of it was written. Answers the run.
    """
    forget_old_uploads(at=at)
    # Whoever holds this lock is the only one who imports, so a run that is marked as running and
    # has its file still was left behind.
    if not take_import_lock():
        return None
    try:
        run = _claim(at)
        if run is not None:
            _carry_out(run, at)
    finally:
        release_import_lock()
    if run is not None and ImportRun.objects.filter(state=ImportState.QUEUED).exists():
        after_commit(RUN_IMPORTS)
    return run


def _claim(at: datetime) -> ImportRun | None:
    with transaction.atomic():
        run = (
            ImportRun.objects.filter(
                Exists(ImportChunk.objects.filter(run=OuterRef("pk"))),
                state__in=ImportState.UNDER_WAY,
            )
            .order_by("pk")
            .select_for_update()
            .first()
        )
        if run is None:
            return None
        if run.attempts >= MOST_ATTEMPTS:
            refuse_run(
                run,
                _("the import broke off %d times, as where a worker dies over it") % run.attempts,
            )
            return None
        run.state = ImportState.RUNNING
        run.started_at = at
        run.attempts += 1
        run.save(update_fields=["state", "started_at", "attempts"])
    return run


def _carry_out(run: ImportRun, at: datetime) -> None:
    """What it has to say, it says in the language of the person who started it."""
    language = run.started_by.language if run.started_by else settings.LANGUAGE_CODE
    with translation.override(language):
        try:
            _import(run, at)
        except DomainError as refusal:
            _refuse_unless_over(run, str(refusal))
        except (OperationalError, InterfaceError):
            raise  # the database is away: the next sweep begins anew
        except Exception as error:  # else this file would stop all others for good
            logger.error("import_failed", import_run=run.pk, **fault_facts(error))
            _refuse_unless_over(
                run, _("an error inside cxcrm; its administrators find it in the log")
            )
    if run.state == ImportState.DONE:
        run.chunks.all().delete()


def _import(run: ImportRun, at: datetime) -> None:
    with open_upload(run) as path, _written_progress(run) as on_progress:
        import_feed(
            file=path,
            mapping=run.mapping_content or {},
            as_of=run.as_of,
            brand=run.brand.code if run.brand else None,
            dry_run=run.is_dry_run,
            at=at,
            started_by=run.started_by,
            on_progress=on_progress,
            run=run,
        )


def _refuse_unless_over(run: ImportRun, reason: str) -> None:
    run.refresh_from_db()
    if run.is_under_way:
        refuse_run(run, reason)


@contextmanager
def _written_progress(run: ImportRun) -> Iterator[Callable[[Progress], None]]:
    """Writes progress where others see it at once: beside the transaction of the import."""
    last_step, last_write = "", 0.0
    with closing(connect_beside()) as beside:

        def write(progress: Progress) -> None:
            nonlocal last_step, last_write
            now = monotonic()
            if progress.step == last_step and now - last_write < SECONDS_BETWEEN_WRITES:
                return
            last_step, last_write = progress.step, now
            try:
                write_progress(
                    beside,
                    run_id=run.pk,
                    step=progress.step,
                    done=progress.done,
                    total=progress.total,
                    rows=progress.rows,
                )
            except Error as error:
                logger.warning("progress_not_written", error=type(error).__name__)

        yield write
