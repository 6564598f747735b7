from dataclasses import asdict

import structlog
from celery import shared_task

from cxcrm.base.clock import now
from cxcrm.outbox.services import (
    DELIVER_MAILS,
    FORGET_OLD_MAILS,
    READ_BOUNCES,
    DeliveryCounts,
    MailboxAway,
    deliver_mails,
    forget_old_mails,
    read_bounces,
)

logger = structlog.get_logger(__name__)

# Short, so that a worker stops soon after SIGTERM and other tasks get their turn in a long wave.
TURN_SECONDS = 2


@shared_task(name=DELIVER_MAILS)
def deliver_due_mails(**unknown: object) -> None:
    counts = deliver_mails(at=now(), seconds=TURN_SECONDS)
    if counts != DeliveryCounts():
        logger.info("mails_delivered", **asdict(counts))


@shared_task(name=READ_BOUNCES)
def read_bounce_mailbox(**unknown: object) -> None:
    try:
        counts = read_bounces(at=now())
    except MailboxAway as away:
        logger.warning("bounce_mailbox_away", error=str(away))
        return
    if any(counts.values()):
        logger.info("bounces_read", **counts)


@shared_task(name=FORGET_OLD_MAILS)
def forget_what_is_old(**unknown: object) -> None:
    counts = forget_old_mails(at=now())
    if any(counts.values()):
        logger.info("old_mails_forgotten", **counts)
