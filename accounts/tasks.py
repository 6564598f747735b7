import structlog
from celery import shared_task

from accounts.services.due_work import run_due_work
from cxcrm.base import clock

logger = structlog.get_logger(__name__)


@shared_task(name="accounts.run_due_work")
def run_due_work_task(**unknown: object) -> None:
    counts = run_due_work(at=clock.now())
    if any(counts.values()):
        logger.info("due_work_done", **counts)
