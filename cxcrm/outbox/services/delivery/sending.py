"""Takes one claimed mail to its end."""

from contextlib import nullcontext
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import InterfaceError, OperationalError, ProgrammingError, transaction

from cxcrm.base.logs import fault_facts
from cxcrm.outbox.enums import MailClass, MailReason, MailState
from cxcrm.outbox.models import MailAddress
from cxcrm.outbox.services.delivery.answers import RelayAway
from cxcrm.outbox.services.delivery.handover import hand_over, open_relay, relay_name
from cxcrm.outbox.services.delivery.message import compose_message
from cxcrm.outbox.services.delivery.recording import (
    MOST_UNCERTAIN,
    finish,
    give_up,
    held,
    in_seconds,
    record,
    release,
    try_later,
    wait,
)
from cxcrm.outbox.services.delivery.throttle import seconds_to_wait
from cxcrm.outbox.services.delivery.turns import Turn
from cxcrm.outbox.services.gate import DailyPlaceTaken, Passage, passage, take_daily_place
from cxcrm.outbox.services.kinds import MailKind, UnknownMailKind, mail_kind
from cxcrm.outbox.services.rendering import frozen_facts, render, template_version
from cxcrm.outbox.services.unsubscribing import preferences_url, unsubscribe_headers
from cxcrm.outbox.services.wording import WordingsInForce
from cxcrm.outbox.sql.mails import Claim

logger = structlog.get_logger(__name__)

# So long processes and database may be of different releases.
UPDATE_LASTS = timedelta(hours=1)


def send_claimed_mail(claim: Claim, *, turn: Turn, connection: BaseEmailBackend) -> str:
    """Ask whether it may go, send it, record the end; answers what to count it as.

    Raises RelayAway, and then the mail is given back.
    """
    try:
        return _send(claim, turn=turn, connection=connection)
    except RelayAway:
        pause = settings.CXCRM_MAIL_RETRY_SECONDS
        turn.count("released", release([claim], seconds=pause))
        raise


def _send(claim: Claim, *, turn: Turn, connection: BaseEmailBackend) -> str:
    at = max(turn.at, claim.planned_at)
    if claim.uncertain >= MOST_UNCERTAIN:
        return give_up(claim, MailState.CLAIMED, "No worker told how the last try ended.", at)
    try:
        kind = mail_kind(claim.kind)
    except UnknownMailKind as error:
        # A younger release queued it: its workers will know.
        return _leave_to_others(claim, error, at)

    try:
        address = MailAddress.objects.get(pk=claim.address_id)
        if "re-read" not in settings.CXCRM_TEETH:
            way = passage(kind, claim, address=address, at=at)
            if way.wait_until:
                return _wait_at_gate(claim, way, at)
            if way.reason:
                return finish(
                    claim, MailState.CLAIMED, MailState.SUPPRESSED, way.text, at, reason=way.reason
                )
        domain = address.address.rpartition("@")[2]
        if domain in turn.slow_domains and not claim.has_slot:
            seconds = seconds_to_wait(domain)
            if seconds > 0 and _may_wait(kind, claim, seconds, at):
                return wait(claim, seconds, reason=MailReason.DOMAIN_LIMIT, has_slot=True)
        open_relay(connection)
        message = _begin(claim, kind, address, at, wordings=turn.wordings)
    except DailyPlaceTaken as taken:
        return _wait_at_gate(claim, taken.way, at)
    except (RelayAway, OperationalError, InterfaceError):
        raise
    except ProgrammingError as error:
        # The tables are those of another release: its workers will know, or ours soon.
        logger.error("mail_does_not_fit_database", mail=claim.id, **fault_facts(error))
        return _leave_to_others(claim, error, at)
    except Exception as error:
        logger.error("mail_not_rendered", mail=claim.id, **fault_facts(error))
        text = f"{type(error).__name__}: {error}"
        return finish(
            claim, MailState.CLAIMED, MailState.FAILED, text, at, reason=MailReason.NOT_WRITTEN
        )
    if message is None:
        return "overtaken"
    return record(claim, hand_over(connection, message), at, relay=relay_name(connection))


def _leave_to_others(claim: Claim, error: Exception, at: datetime) -> str:
    """Give it back untried while there may be workers who can write it. What is older than that
    counts its tries, as one that is refused does, so that it ends and somebody sees it."""
    if at - claim.planned_at > UPDATE_LASTS:
        text = f"{type(error).__name__}: {error}"
        return try_later(claim, MailState.CLAIMED, text, at, at_last=MailReason.NOT_WRITTEN)
    pause = settings.CXCRM_MAIL_RETRY_SECONDS
    return "released" if release([claim], seconds=pause) else "overtaken"


def _may_wait(kind: MailKind, claim: Claim, seconds: float, at: datetime) -> bool:
    """Else it goes now and has used up its place all the same: somebody waits for it, or its
    place comes when it is of no use any more. What is too late already can wait."""
    if kind.at_any_hour:
        return False
    place_at = at + timedelta(seconds=seconds)
    return claim.useful_until is None or not at < claim.useful_until < place_at


def _wait_at_gate(claim: Claim, way: Passage, at: datetime) -> str:
    seconds = (way.wait_until - at).total_seconds() if way.wait_until else 0.0
    return wait(claim, seconds, reason=way.reason or "", text=way.text)


def _begin(
    claim: Claim, kind: MailKind, address: MailAddress, at: datetime, *, wordings: WordingsInForce
) -> EmailMultiAlternatives | None:
    """Freeze what is about to be sent; None if the claim is not ours any more.

    From here on a lease that runs out means that the relay may have the mail. Raises
    DailyPlaceTaken, and then it is not begun.
    """
    facts = frozen_facts(
        kind, subject_id=claim.subject_id, language=claim.language, at=at, wordings=wordings
    )
    rendered = render(
        kind, facts=facts, language=claim.language, secrets=_secrets(kind, claim, address)
    )
    message = compose_message(
        mail_id=claim.id,
        planned_at=claim.planned_at,
        address=address.address,
        language=claim.language,
        brand=facts["brand"],
        rendered=rendered,
        headers=unsubscribe_headers(address=address, mail_class=kind.mail_class),
    )
    # Whoever finds it begun waits as long as after a lost answer, however late it was handed over.
    lease = settings.EMAIL_TIMEOUT + max(
        settings.CXCRM_MAIL_LEASE_SECONDS, settings.CXCRM_MAIL_UNCERTAIN_SECONDS
    )
    # A service mail needs no place, and so no more than the one statement.
    with nullcontext() if kind.mail_class == MailClass.SERVICE else transaction.atomic():
        begun = held(claim, MailState.CLAIMED).update(
            state=MailState.SENDING,
            due_at=in_seconds(lease),
            facts=facts,
            template_version=template_version(kind),
            subject_line=rendered.subject,
        )
        if begun:
            take_daily_place(kind, claim, at=at)
    return message if begun else None


def _secrets(kind: MailKind, claim: Claim, address: MailAddress) -> dict[str, str]:
    """The links and codes of this mail; whatever may be objected to says where."""
    if kind.mail_class == MailClass.SERVICE:
        return kind.secrets(claim.subject_id)
    return {
        **kind.secrets(claim.subject_id),
        "preferences_url": preferences_url(address),
    }
