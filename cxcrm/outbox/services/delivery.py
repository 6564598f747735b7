"""Claims mails that are due, asks once more whether they may go, sends them, records the end."""

import os
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from time import monotonic

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DataError, Error, transaction
from django.db.models import F
from django.db.models.functions import Now

from cxcrm.base.queue import after_commit
from cxcrm.outbox.enums import MailReason, MailState
from cxcrm.outbox.models import MailAddress, OutgoingMail
from cxcrm.outbox.querysets import OutgoingMailQuerySet
from cxcrm.outbox.services.addresses import mark_bounced
from cxcrm.outbox.services.gate import Passage, passage
from cxcrm.outbox.services.kinds import MailKind, UnknownMailKind, mail_kind
from cxcrm.outbox.services.message import compose_message
from cxcrm.outbox.services.queueing import DELIVER_MAILS
from cxcrm.outbox.services.relay import Answer, RelayAway, Verdict, hand_over, open_relay
from cxcrm.outbox.services.rendering import frozen_facts, one_line, render, template_version
from cxcrm.outbox.sql.mails import Claim, claim_due_mails

logger = structlog.get_logger(__name__)

BATCH = 20
MOST_UNCERTAIN = 3
# After the first tries one every four hours until three days are over, in units of
# CXCRM_MAIL_RETRY_SECONDS.
RETRY_AFTER = (1, 5, 15, 60, *[240] * 17)
RELAY_AWAY = "outbox.relay_away"


@dataclass(frozen=True)
class DeliveryCounts:
    accepted: int = 0
    suppressed: int = 0
    failed: int = 0
    postponed: int = 0  # tried, to be tried again
    waiting: int = 0  # not tried: it may not go yet
    released: int = 0  # not tried
    overtaken: int = 0  # the lease ran out and somebody else went on


def deliver_mails(
    *, at: datetime, connection: BaseEmailBackend | None = None, seconds: float = inf
) -> DeliveryCounts:
    """Send what is due by the database's clock, until nothing is or `seconds` are over.

    Call it outside any transaction. Each mail is claimed, checked as of the later of `at` and
    the time that it was planned for, begun, sent and recorded, every step committed alone; whoever
    dies in between leaves a lease that runs out. A mail that cannot be written fails alone. While
    the relay is away nobody knocks again before CXCRM_MAIL_RETRY_SECONDS. Rings the bell where
    time was up before the mails were.
    """
    if cache.get(RELAY_AWAY):
        return DeliveryCounts()
    counts: Counter[str] = Counter()
    connection = connection or get_connection()
    stop_at = monotonic() + seconds
    try:
        while claims := _claim():
            for done, claim in enumerate(claims):
                if monotonic() >= stop_at:
                    counts["released"] += _release(claims[done:], seconds=0)
                    after_commit(DELIVER_MAILS)
                    return DeliveryCounts(**counts)
                counts[_deliver(claim, at=max(at, claim.planned_at), connection=connection)] += 1
    except RelayAway as away:
        pause = settings.CXCRM_MAIL_RETRY_SECONDS
        logger.warning("relay_away", reason=str(away), pause=pause)
        cache.set(RELAY_AWAY, True, pause)
        counts["released"] += _release(claims[done:], seconds=pause)
    finally:
        connection.close()
    return DeliveryCounts(**counts)


def _claim() -> list[Claim]:
    return claim_due_mails(
        worker=f"{socket.gethostname()[:80]}:{os.getpid()}",
        lease_seconds=settings.CXCRM_MAIL_LEASE_SECONDS,
        limit=BATCH,
    )


def _deliver(claim: Claim, *, at: datetime, connection: BaseEmailBackend) -> str:
    """Take one claimed mail to its end; answers what to count it as. Raises RelayAway."""
    if claim.uncertain >= MOST_UNCERTAIN:
        return _give_up(claim, MailState.CLAIMED, "No worker told how the last try ended.", at)
    try:
        kind = mail_kind(claim.kind)
    except UnknownMailKind:
        # A younger release queued it: its workers will know.
        return "released" if _release([claim], settings.CXCRM_MAIL_RETRY_SECONDS) else "overtaken"

    try:
        address = MailAddress.objects.get(pk=claim.address_id)
        if "re-read" not in settings.CXCRM_TEETH:
            way = passage(kind, claim, address=address, at=at)
            if way.wait_until:
                return _wait(claim, way, at)
            if way.reason:
                return _finish(
                    claim, MailState.CLAIMED, MailState.SUPPRESSED, way.text, at, reason=way.reason
                )
        open_relay(connection)
        message = _begin(claim, kind, address, at)
    except RelayAway:
        raise
    except Exception as error:
        if isinstance(error, Error) and not isinstance(error, DataError):
            raise
        logger.exception("mail_not_rendered", mail=claim.id)
        reason = f"{type(error).__name__}: {error}"
        return _finish(
            claim,
            MailState.CLAIMED,
            MailState.FAILED,
            reason,
            at,
            reason=MailReason.NOT_WRITTEN,
        )
    if message is None:
        return "overtaken"
    return _record(claim, hand_over(connection, message), at)


def _begin(
    claim: Claim, kind: MailKind, address: MailAddress, at: datetime
) -> EmailMultiAlternatives | None:
    """Freeze what is about to be sent; None if the claim is not ours any more.

    From here on a lease that runs out means that the relay may have the mail.
    """
    facts = frozen_facts(kind, subject_id=claim.subject_id, language=claim.language, at=at)
    rendered = render(kind, facts=facts, language=claim.language)
    message = compose_message(
        mail_id=claim.id,
        address=address.address,
        language=claim.language,
        brand=facts["brand"],
        rendered=rendered,
    )
    lease = settings.EMAIL_TIMEOUT + settings.CXCRM_MAIL_LEASE_SECONDS
    begun = _held(claim, MailState.CLAIMED).update(
        state=MailState.SENDING,
        due_at=Now() + timedelta(seconds=lease),
        facts=facts,
        template_version=template_version(kind.template),
        subject_line=rendered.subject,
    )
    return message if begun else None


def _record(claim: Claim, answer: Answer, at: datetime) -> str:
    match answer.verdict:
        case Verdict.ACCEPTED:
            return _finish(claim, MailState.SENDING, MailState.ACCEPTED, answer.text, at)
        case Verdict.PERMANENT:
            with transaction.atomic():
                if answer.address_is_dead:
                    mark_bounced(address_id=claim.address_id, reason=answer.text, at=at)
                return _finish(
                    claim,
                    MailState.SENDING,
                    MailState.FAILED,
                    answer.text,
                    at,
                    reason=MailReason.REFUSED,
                )
        case Verdict.UNCERTAIN:
            if claim.uncertain + 1 >= MOST_UNCERTAIN:
                return _give_up(claim, MailState.SENDING, answer.text, at)
            return _postpone(
                claim,
                answer.text,
                settings.CXCRM_MAIL_UNCERTAIN_SECONDS,
                reason=MailReason.UNCERTAIN,
            )
        case Verdict.TEMPORARY:
            if claim.attempt > len(RETRY_AFTER):
                return _finish(
                    claim,
                    MailState.SENDING,
                    MailState.FAILED,
                    answer.text,
                    at,
                    reason=MailReason.TRIES_OVER,
                )
            units = RETRY_AFTER[claim.attempt - 1]
            return _postpone(
                claim,
                answer.text,
                units * settings.CXCRM_MAIL_RETRY_SECONDS,
                reason=MailReason.TEMPORARY,
            )


def _give_up(claim: Claim, held: MailState, answer: str, at: datetime) -> str:
    """After the last uncertain try: one more copy would be too many."""
    text = f"Uncertain after {MOST_UNCERTAIN} tries; it may have arrived. {answer}"
    return _finish(
        claim,
        held,
        MailState.FAILED,
        text,
        at,
        reason=MailReason.UNCERTAIN,
        uncertain=MOST_UNCERTAIN,
    )


def _finish(
    claim: Claim,
    held: MailState,
    state: MailState,
    outcome: str,
    at: datetime,
    *,
    reason: MailReason | str = "",
    **fields,
) -> str:
    recorded = _held(claim, held).update(
        state=state,
        reason=reason,
        outcome=one_line(outcome, limit=300),
        finished_at=at,
        **fields,
    )
    return str(state) if recorded else "overtaken"


def _wait(claim: Claim, way: Passage, at: datetime) -> str:
    """Not tried: it may not go before a moment, so its attempt does not count."""
    recorded = _held(claim, MailState.CLAIMED).update(
        state=MailState.QUEUED,
        due_at=Now() + (way.wait_until - at),
        attempt=F("attempt") - 1,
        reason=way.reason,
        outcome=one_line(way.text, limit=300),
    )
    return "waiting" if recorded else "overtaken"


def _postpone(claim: Claim, outcome: str, seconds: float, *, reason: MailReason) -> str:
    # Up to a fifth later, by id: what was refused together does not come back together.
    delay = timedelta(seconds=seconds * (1 + claim.id % 21 / 100))
    recorded = _held(claim, MailState.SENDING).update(
        state=MailState.QUEUED,
        due_at=Now() + delay,
        uncertain=F("uncertain") + int(reason == MailReason.UNCERTAIN),
        reason=reason,
        outcome=one_line(outcome, limit=300),
    )
    return "postponed" if recorded else "overtaken"


def _release(claims: Sequence[Claim], seconds: float) -> int:
    """Give claimed mails back untried, to be taken again after `seconds`.

    The attempt counts down again: this worker, its only holder, forgets the claim with it.
    """
    return sum(
        _held(claim, MailState.CLAIMED).update(
            state=MailState.QUEUED,
            due_at=Now() + timedelta(seconds=seconds),
            attempt=F("attempt") - 1,
        )
        for claim in claims
    )


def _held(claim: Claim, state: MailState) -> OutgoingMailQuerySet:
    """The mail, while this worker's claim on it is good: every write asks for it."""
    if "lease-check" in settings.CXCRM_TEETH:
        return OutgoingMail.objects.filter(pk=claim.id)
    return OutgoingMail.objects.filter(pk=claim.id, attempt=claim.attempt, state=state)
