import structlog
from celery import shared_task

from cxcrm.api.services import forget_old
from cxcrm.base import clock

logger = structlog.get_logger(__name__)


@shared_task(name="api.forget_old")
def forget_old_task(**unknown: object) -> None:
    counts = forget_old(at=clock.now())
    if any(counts.values()):
        logger.info("old_requests_forgotten", **counts)
