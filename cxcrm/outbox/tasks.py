from dataclasses import asdict

import structlog
from celery import shared_task

from cxcrm.base.clock import now
from cxcrm.outbox.services import DELIVER_MAILS, DeliveryCounts, deliver_mails

logger = structlog.get_logger(__name__)

# Short, so that a worker stops soon after SIGTERM and other tasks get their turn in a long wave.
TURN_SECONDS = 2


@shared_task(name=DELIVER_MAILS)
def deliver_due_mails(**unknown: object) -> None:
    counts = deliver_mails(at=now(), seconds=TURN_SECONDS)
    if counts != DeliveryCounts():
        logger.info("mails_delivered", **asdict(counts))
