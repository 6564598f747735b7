"""Records how a try ended: each in one statement, and only while the claim is good."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from cxcrm.outbox.enums import MailReason, MailState
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.querysets import OutgoingMailQuerySet
from cxcrm.outbox.services.bounces import note_refusal
from cxcrm.outbox.services.delivery.answers import Answer, RelayAway, Verdict
from cxcrm.outbox.services.rendering import one_line
from cxcrm.outbox.sql.mails import Claim

MOST_UNCERTAIN = 3
# After the first tries one every four hours until three days are over, in units of
# CXCRM_MAIL_RETRY_SECONDS.
RETRY_AFTER = (1, 5, 15, 60, *[240] * 17)


def record(claim: Claim, answer: Answer, at: datetime, *, relay: str) -> str:
    """Write down what came of handing a mail over; answers what to count it as.

    Raises RelayAway, and then the mail is given back, as it was not tried.
    """
    match answer.verdict:
        case Verdict.ACCEPTED:
            return finish(
                claim,
                MailState.SENDING,
                MailState.ACCEPTED,
                answer.text,
                at,
                relay=relay,
                provider_id=answer.provider_id,
            )
        case Verdict.PERMANENT:
            with transaction.atomic():
                ended = finish(
                    claim,
                    MailState.SENDING,
                    MailState.FAILED,
                    answer.text,
                    at,
                    reason=MailReason.REFUSED,
                )
                if answer.address_is_dead:
                    note_refusal(
                        address_id=claim.address_id, mail_id=claim.id, reason=answer.text, at=at
                    )
                return ended
        case Verdict.UNCERTAIN:
            if claim.uncertain + 1 >= MOST_UNCERTAIN:
                return give_up(claim, MailState.SENDING, answer.text, at)
            seconds = settings.CXCRM_MAIL_UNCERTAIN_SECONDS
            return _postpone(
                claim, MailState.SENDING, answer.text, seconds, reason=MailReason.UNCERTAIN
            )
        case Verdict.TEMPORARY:
            return try_later(
                claim, MailState.SENDING, answer.text, at, at_last=MailReason.TRIES_OVER
            )
        case Verdict.AWAY:
            _unsay(claim)
            raise RelayAway(answer.text)


def finish(
    claim: Claim,
    state: MailState,
    end: MailState,
    outcome: str,
    at: datetime,
    *,
    reason: MailReason | str = "",
    **fields: Any,
) -> str:
    """End a mail that is held in `state`; answers what to count it as."""
    recorded = held(claim, state).update(
        state=end, reason=reason, outcome=one_line(outcome, limit=300), finished_at=at, **fields
    )
    return str(end) if recorded else "overtaken"


def try_later(
    claim: Claim, state: MailState, outcome: str, at: datetime, *, at_last: MailReason
) -> str:
    """Back into the queue, each time for longer; after the last try it has failed, for the
    reason `at_last`."""
    if claim.attempt > len(RETRY_AFTER):
        return finish(claim, state, MailState.FAILED, outcome, at, reason=at_last)
    seconds = RETRY_AFTER[claim.attempt - 1] * settings.CXCRM_MAIL_RETRY_SECONDS
    return _postpone(claim, state, outcome, seconds, reason=MailReason.TEMPORARY)


def give_up(claim: Claim, state: MailState, answer: str, at: datetime) -> str:
    """After the last uncertain try: one more copy would be too many."""
    text = f"Uncertain after {MOST_UNCERTAIN} tries; it may have arrived. {answer}"
    return finish(
        claim,
        state,
        MailState.FAILED,
        text,
        at,
        reason=MailReason.UNCERTAIN,
        uncertain=MOST_UNCERTAIN,
    )


def wait(
    claim: Claim,
    seconds: float,
    *,
    reason: MailReason | str,
    text: str = "",
    has_slot: bool = False,
) -> str:
    """Not tried: it may not go before a moment, so its attempt does not count."""
    recorded = held(claim, MailState.CLAIMED).update(
        state=MailState.QUEUED,
        due_at=in_seconds(seconds),
        attempt=F("attempt") - 1,
        reason=reason,
        outcome=one_line(text, limit=300),
        has_slot=has_slot,
    )
    return "waiting" if recorded else "overtaken"


def release(claims: Sequence[Claim], *, seconds: float) -> int:
    """Give claimed mails back untried, to be taken again after `seconds`; answers how many.

    With none they keep their place in the queue. The attempt counts down again: this worker, its
    only holder, forgets the claim with it.
    """
    return sum(
        held(claim, MailState.CLAIMED).update(
            state=MailState.QUEUED,
            due_at=in_seconds(seconds) if seconds else claim.was_due_at,
            attempt=F("attempt") - 1,
            has_slot=False,
        )
        for claim in claims
    )


def held(claim: Claim, state: MailState) -> OutgoingMailQuerySet:
    """The mail, while this worker's claim on it is good: every write asks for it."""
    if "lease-check" in settings.CXCRM_TEETH:
        return OutgoingMail.objects.filter(pk=claim.id)
    return OutgoingMail.objects.filter(pk=claim.id, attempt=claim.attempt, state=state)


def in_seconds(seconds: float) -> CombinedExpression:
    """So long from now, by the database's clock."""
    return Now() + timedelta(seconds=seconds)


def _unsay(claim: Claim) -> None:
    """Back to what it was before it was begun: it cannot have left."""
    held(claim, MailState.SENDING).update(state=MailState.CLAIMED)


def _postpone(
    claim: Claim, state: MailState, outcome: str, seconds: float, *, reason: MailReason
) -> str:
    # Up to a fifth later, by id: what was refused together does not come back together.
    recorded = held(claim, state).update(
        state=MailState.QUEUED,
        due_at=in_seconds(seconds * (1 + claim.id % 21 / 100)),
        uncertain=F("uncertain") + int(reason == MailReason.UNCERTAIN),
        reason=reason,
        outcome=one_line(outcome, limit=300),
        has_slot=False,
    )
    return "postponed" if recorded else "overtaken"
