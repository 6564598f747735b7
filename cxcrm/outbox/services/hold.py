"""Holding all mails: a database that was restored must not write to everybody again.

The row of `DeliveryState` names the database that sends. Where it is read in another one, this is
a copy or a backup, and nothing leaves it before somebody says so.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from cxcrm.base.errors import DomainError
from cxcrm.base.queue import after_commit
from cxcrm.outbox.enums import HoldReason
from cxcrm.outbox.services.queueing import DELIVER_MAILS
from cxcrm.outbox.sql.hold import (
    Hold,
    clear_hold,
    discard_mails,
    insert_identity,
    read_hold,
    upsert_hold,
)
from cxcrm.users.models import User

logger = structlog.get_logger(__name__)


class MailsAreHeld(DomainError):
    code = "mails_are_held"


class MailsAreNotHeld(DomainError):
    code = "mails_are_not_held"


class HeldBySetting(DomainError):
    code = "held_by_setting"


class MomentToCome(DomainError):
    code = "moment_to_come"


@dataclass(frozen=True)
class Released:
    """`held_back`: what was due before the loss and waits for people now."""

    discarded: int
    held_back: int


class HoldBack(Protocol):
    """Keep from being sent by itself what was due at `until`; answers how much."""

    def __call__(self, *, until: datetime, at: datetime) -> int: ...


_lost_work: list[HoldBack] = []


def register_lost_work(hold_back: HoldBack) -> None:
    """Call this in the transaction that releases mails after a restore: the apps above know what
    the server that was lost has decided since the backup, and this database has not."""
    _lost_work.append(hold_back)


def may_send(*, at: datetime) -> bool:
    """Whether mails may leave this database now; asked once per turn of delivery, by one query.

    The first time, it is the database that sends. What makes it hold its mails is written down,
    so that they stay on hold until somebody releases them; that it is a copy, also where somebody
    had held them already.
    """
    if "hold" in settings.CXCRM_TEETH:
        return True
    hold = read_hold()
    reason = _why_a_copy(hold)
    if reason and (hold.held_since is None or hold.reason == HoldReason.BY_HAND):
        _hold(reason, at)
    if reason or hold.held_since is not None:
        return False
    if hold.identity is None:
        insert_identity()
    return True


def awaits_release() -> bool:
    """Whether this database is a copy, or is said to be one by CXCRM_HOLD_MAILS, that nobody has
    released. What falls due in it has perhaps been done by the server that it is a copy of, so
    the apps above decide nothing. Mails that are held by hand do not keep them from deciding.
    """
    if "hold" in settings.CXCRM_TEETH:
        return False
    hold = read_hold()
    return _why_a_copy(hold) is not None or hold.reason == HoldReason.SETTING


def hold_mails(*, actor: User | None, at: datetime) -> None:
    """Send nothing until somebody releases it. A turn of delivery that has begun goes on, for
    seconds. Raises MailsAreHeld."""
    if not upsert_hold(reason=HoldReason.BY_HAND, at=at, user_id=actor.pk if actor else None):
        raise MailsAreHeld(_("Mails are on hold already."))
    logger.warning("mails_held", reason=HoldReason.BY_HAND)


@transaction.atomic
def release_mails(
    *, actor: User | None, at: datetime, discard_planned_before: datetime | None = None
) -> Released:
    """Let mails leave again, from this database as it is. Each is asked once more whether it is
    still needed.

    `discard_planned_before`: after a restore, when the server that was lost sent its last mail.
    Copies of what was planned earlier, before the backup or after it, are with their readers
    already: what this database has planned is discarded, what it would decide again is held.
    Raises MailsAreNotHeld, HeldBySetting, MomentToCome (field `discard_planned_before`).
    """
    if discard_planned_before is not None and discard_planned_before > at:
        raise MomentToCome(_("This moment has not come yet."), field="discard_planned_before")
    if settings.CXCRM_HOLD_MAILS:
        raise HeldBySetting(
            _("CXCRM_HOLD_MAILS is set: start cxcrm without it first. Mails stay on hold then.")
        )
    if not clear_hold(at=at, user_id=actor.pk if actor else None):
        raise MailsAreNotHeld(_("Mails are not on hold."))
    discarded = held_back = 0
    if discard_planned_before is not None:
        discarded = discard_mails(
            planned_before=discard_planned_before,
            outcome=_("Discarded when mails on hold were released."),
            at=at,
        )
        held_back = sum(hold_back(until=discard_planned_before, at=at) for hold_back in _lost_work)
    logger.warning("mails_released", discarded=discarded, held_back=held_back)
    after_commit(DELIVER_MAILS)
    return Released(discarded=discarded, held_back=held_back)


def _why_a_copy(hold: Hold) -> HoldReason | None:
    """None where it is the database that sends."""
    if settings.CXCRM_HOLD_MAILS:
        return HoldReason.SETTING
    return None if hold.identity in (None, hold.this_database) else HoldReason.RESTORED


def _hold(reason: HoldReason, at: datetime) -> None:
    if upsert_hold(reason=reason, at=at, user_id=None):
        logger.error("mails_held", reason=reason)
