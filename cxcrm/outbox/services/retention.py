"""Forgets mails that have been over for long."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from cxcrm.outbox.sql.retention import delete_old_bounces, delete_old_mails

FORGET_OLD_MAILS = "outbox.forget_old_mails"
BATCH = 1_000


def forget_old_mails(*, at: datetime) -> dict[str, int]:
    """Delete mails that ended CXCRM_MAIL_RETENTION_DAYS ago, and what came back of such mails.

    What they were about keeps its proof and guards against a second mail; a dead address stays
    dead. Mails whose end nobody has taken note of stay. Each batch commits alone, so it may be
    stopped and repeated at any time. Answers the numbers of `mails` and `bounces`.
    """
    before = at - timedelta(days=settings.CXCRM_MAIL_RETENTION_DAYS)
    mails = bounces = 0
    position: tuple[datetime | None, int] | None = (None, 0)
    while position:
        with transaction.atomic():
            gone, position = delete_old_mails(before=before, after=position, limit=BATCH)
        mails += gone
    while True:
        with transaction.atomic():
            gone = delete_old_bounces(before=before, limit=BATCH)
        bounces += gone
        if gone < BATCH:
            return {"mails": mails, "bounces": bounces}
