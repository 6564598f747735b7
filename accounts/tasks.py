import structlog
from celery import shared_task

from accounts.services.due_work import WorkWaitsForRelease, run_due_work
from accounts.services.imports.queued import run_queued_imports
from accounts.services.imports.uploads import RUN_IMPORTS
from cxcrm.base import clock

logger = structlog.get_logger(__name__)


@shared_task(name="accounts.run_due_work")
def run_due_work_task(**unknown: object) -> None:
    try:
        counts = run_due_work(at=clock.now())
    except WorkWaitsForRelease:
        return  # who looks at sending is told why
    if any(counts.values()):
        logger.info("due_work_done", **counts)


@shared_task(name=RUN_IMPORTS)
def run_imports_task(**unknown: object) -> None:
    run = run_queued_imports(at=clock.now())
    if run is not None:
        logger.info("import_over", import_run=run.pk, state=run.state, rows=run.rows_read)
