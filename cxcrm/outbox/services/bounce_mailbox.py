"""Fetches what came back from the mailbox that bounces go to."""

import poplib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from urllib.parse import unquote, urlsplit

import structlog
from django.conf import settings
from django.db import DataError, Error

from cxcrm.base.logs import fault_facts
from cxcrm.outbox.services.bounces import note_bounce
from cxcrm.outbox.services.delivery_reports import bounce_in_report
from cxcrm.outbox.services.hold import awaits_release

logger = structlog.get_logger(__name__)

READ_BOUNCES = "outbox.read_bounces"
MOST_MAILS = 500
# A report gives back a mail of ours, and those are small.
LARGEST_MAIL = 1_000_000
# What was deleted is only gone after a goodbye, which has to come before a worker is ended.
LONGEST_READING = 300.0
# The standard's 2,048 would end the reading of the whole mailbox at the first longer line.
poplib._MAXLINE = LARGEST_MAIL  # type: ignore[attr-defined]  # the module has no other way


class MailboxAway(Exception):
    """The bounce mailbox does not answer, or not to us."""


def read_bounces(*, at: datetime, most: int = MOST_MAILS) -> dict[str, int]:
    """Read up to so many mails of CXCRM_BOUNCE_MAILBOX, note the bounces among them, delete all.

    Call it outside any transaction: a mail is deleted once what it says is committed. The mailbox
    is there for nothing else, so automatic answers and unwanted mail go, too. Answers how many
    were `noted` and how many `passed_over`; nothing without a mailbox, and nothing in a copy of
    another database, which would take them away from it. Raises MailboxAway.
    """
    counts: Counter[str] = Counter(noted=0, passed_over=0)
    if not settings.CXCRM_BOUNCE_MAILBOX or awaits_release():
        return dict(counts)
    stop_at = monotonic() + LONGEST_READING
    try:
        with _mailbox() as mailbox:
            for number in range(1, min(mailbox.stat()[0], most) + 1):
                counts["noted" if _note(_fetch(mailbox, number), at) else "passed_over"] += 1
                mailbox.dele(number)
                if monotonic() >= stop_at:
                    break
    except (poplib.error_proto, OSError) as error:
        raise MailboxAway(type(error).__name__) from error
    return dict(counts)


def _note(content: bytes | None, at: datetime) -> bool:
    if content is None:
        return False
    try:
        bounce = bounce_in_report(content, at=at)
        return bounce is not None and note_bounce(bounce=bounce, at=at)
    except Exception as error:
        # A database that does not answer will: the mail has to stay until then.
        if isinstance(error, Error) and not isinstance(error, DataError):
            raise
        # Written to break the reading of it; whoever reads all others cannot wait for this one.
        logger.error("report_not_read", **fault_facts(error))
        return False


def _fetch(mailbox: poplib.POP3, number: int) -> bytes | None:
    """None for a mail that is too large to be a report."""
    size = int(mailbox.list(number).split()[2])  # type: ignore[attr-defined]  # one line, of one mail
    return b"\r\n".join(mailbox.retr(number)[1]) if size <= LARGEST_MAIL else None


@contextmanager
def _mailbox() -> Iterator[poplib.POP3]:
    """Signed in. What was deleted in it is only gone after a proper goodbye."""
    url = urlsplit(settings.CXCRM_BOUNCE_MAILBOX)
    kind, port = (poplib.POP3_SSL, 995) if url.scheme == "pop3s" else (poplib.POP3, 110)
    mailbox = kind(url.hostname or "", url.port or port, timeout=settings.EMAIL_TIMEOUT)
    try:
        mailbox.user(unquote(url.username or ""))
        mailbox.pass_(unquote(url.password or ""))
        yield mailbox
        mailbox.quit()
    finally:
        mailbox.close()
