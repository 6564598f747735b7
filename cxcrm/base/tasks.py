import structlog
from celery import shared_task

from cxcrm.base import clock
from cxcrm.base.jobs import WORK_OFF_JOBS, work_off_jobs

logger = structlog.get_logger(__name__)


@shared_task(name=WORK_OFF_JOBS)
def work_off_waiting_jobs(**unknown: object) -> None:
    rows = work_off_jobs(at=clock.now())
    if rows:
        logger.info("jobs_worked_off", rows=rows)
