from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cxcrm.base.queue import after_commit
from cxcrm.outbox.services.kinds import mail_kind
from cxcrm.outbox.sql.mails import insert_mails

DELIVER_MAILS = "outbox.deliver_mails"


@dataclass(frozen=True)
class MailRequest:
    """One mail about `subject_id`, a row of the app that owns the kind.

    Quiet hours in `time_zone`, the recipient's, do not keep it beyond `useful_until`.
    """

    subject_id: int
    address_id: int
    language: str
    account_id: int | None
    occasion: str = ""
    time_zone: str = "UTC"
    useful_until: datetime | None = None


def queue_mails(*, kind: str, requests: Sequence[MailRequest], at: datetime) -> int:
    """Queue mails of one kind in the current transaction; answers how many are new.

    A mail with the kind, subject and occasion of one that is still on its way is not queued
    again. Rings the bell for a worker after the commit. Raises UnknownMailKind.
    """
    known = mail_kind(kind)
    if not requests:
        return 0
    queued = insert_mails(
        kind=kind,
        mail_class=known.mail_class,
        is_noted=not known.is_noted,
        at_any_hour=known.at_any_hour,
        subject_ids=[request.subject_id for request in requests],
        occasions=[request.occasion for request in requests],
        account_ids=[request.account_id for request in requests],
        address_ids=[request.address_id for request in requests],
        languages=[request.language for request in requests],
        time_zones=[request.time_zone for request in requests],
        useful_until=[request.useful_until for request in requests],
        at=at,
    )
    if queued:
        after_commit(DELIVER_MAILS)
    return queued
