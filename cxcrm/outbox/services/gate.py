"""Whether a mail may go, and when: asked right before it is sent.

`cxcrm.outbox.sql.gate` says the same as SQL, for planners; a test holds the two against each
other.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from cxcrm.base.quiet_hours import instant, next_moment, parse_quiet_hours
from cxcrm.outbox.enums import MailClass, MailReason
from cxcrm.outbox.models import MailAddress, MailPermission
from cxcrm.outbox.services.kinds import MailKind
from cxcrm.outbox.sql.gate import take_place
from cxcrm.outbox.sql.mails import Claim

TEXTS = {
    MailReason.ADDRESS_BOUNCED: _("The address has bounced."),
    MailReason.COMPLAINED: _("Mail to this address was reported as unwanted."),
    MailReason.NO_PERMISSION: _("There is no permission for mail of this class."),
    MailReason.OBJECTED: _("The owner of the address has objected."),
    MailReason.DAILY_CAP: _("Another such mail has gone to this address today."),
    MailReason.QUIET_HOURS: _("It is night where this mail goes."),
}


@dataclass(frozen=True, slots=True)
class Passage:
    """Without a reason a mail may go; with one it waits until a moment or, without that, is
    stopped for good."""

    reason: MailReason | None = None
    text: str = ""
    wait_until: datetime | None = None


FREE = Passage()


class DailyPlaceTaken(Exception):
    """Another mail was begun for this address and day; this one waits until a moment."""

    def __init__(self, wait_until: datetime) -> None:
        super().__init__(wait_until)
        self.way = Passage(MailReason.DAILY_CAP, str(TEXTS[MailReason.DAILY_CAP]), wait_until)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an address, for one class of mail."""

    has_bounced: bool = False
    has_complained: bool = False
    has_permission: bool = False
    has_objected: bool = False
    capped_on: date | None = None
    capped_mail_id: int | None = None


def passage(kind: MailKind, claim: Claim, *, address: MailAddress, at: datetime) -> Passage:
    """May this mail go at `at`? Its address, the owner's will, hour and day, last the kind."""
    verdict = _judge_claim(kind, claim, _standing(address, kind.mail_class), at)
    if verdict.reason is not None:
        return verdict
    refusal = kind.refusal(claim.subject_id, at)
    if refusal:
        return Passage(MailReason.NOT_NEEDED, refusal)
    return FREE


def judge(
    *,
    standing: Standing,
    mail_class: MailClass,
    mail_id: int,
    time_zone: str,
    useful_until: datetime | None,
    at_any_hour: bool,
    at: datetime,
) -> Passage:
    """The rule itself. Service mails are stopped by a dead address alone and have no daily cap;
    all others need a permission that nobody has objected to."""
    stop = _stop(standing, mail_class)
    if stop is not None:
        return Passage(stop, str(TEXTS[stop]))
    reason, moment = None, at
    place_at = _next_place(standing, mail_class, mail_id, time_zone, at)
    if place_at is not None:
        reason, moment = MailReason.DAILY_CAP, place_at
    if not at_any_hour:
        quiet = parse_quiet_hours(settings.CXCRM_QUIET_HOURS)
        morning = next_moment(moment, time_zone=time_zone, useful_until=useful_until, quiet=quiet)
        if morning > moment:
            reason, moment = reason or MailReason.QUIET_HOURS, morning
    return Passage(reason, str(TEXTS[reason]), moment) if reason else FREE


def take_daily_place(kind: MailKind, claim: Claim, *, at: datetime) -> None:
    """Make this mail the one of its recipient's day, in the transaction that begins it.

    Service mails need no place, and the next try of a mail has it already. Raises DailyPlaceTaken
    where another worker was faster, which nothing but this can tell for sure.
    """
    if kind.mail_class == MailClass.SERVICE:
        return
    day = _day(at, claim.time_zone)
    if take_place(address_id=claim.address_id, mail_id=claim.id, day=day):
        return
    address = MailAddress.objects.get(pk=claim.address_id)
    standing = Standing(
        has_permission=True,
        capped_on=address.capped_on,
        capped_mail_id=address.capped_mail_id,
    )
    way = _judge_claim(kind, claim, standing, at)
    raise DailyPlaceTaken(way.wait_until or at)


def _judge_claim(kind: MailKind, claim: Claim, standing: Standing, at: datetime) -> Passage:
    return judge(
        standing=standing,
        mail_class=kind.mail_class,
        mail_id=claim.id,
        time_zone=claim.time_zone,
        useful_until=claim.useful_until,
        # Days that have not come yet are played in a demo: nobody sleeps in them.
        at_any_hour=kind.at_any_hour or claim.planned_at >= at,
        at=at,
    )


def _standing(address: MailAddress, mail_class: MailClass) -> Standing:
    if mail_class == MailClass.SERVICE:
        return Standing(has_bounced=address.bounced_at is not None)
    permission = MailPermission.objects.filter(address=address, mail_class=mail_class).first()
    return Standing(
        has_bounced=address.bounced_at is not None,
        has_complained=address.complained_at is not None,
        has_permission=permission is not None,
        has_objected=permission is not None and permission.objected_at is not None,
        capped_on=address.capped_on,
        capped_mail_id=address.capped_mail_id,
    )


def _stop(standing: Standing, mail_class: MailClass) -> MailReason | None:
    if standing.has_bounced:
        return MailReason.ADDRESS_BOUNCED
    if mail_class == MailClass.SERVICE:
        return None
    if standing.has_complained:
        return MailReason.COMPLAINED
    if not standing.has_permission:
        return MailReason.NO_PERMISSION
    return MailReason.OBJECTED if standing.has_objected else None


def _next_place(
    standing: Standing, mail_class: MailClass, mail_id: int, time_zone: str, at: datetime
) -> datetime | None:
    """When the owner's day is over on which another mail has gone; None where none has."""
    if mail_class == MailClass.SERVICE or standing.capped_on is None:
        return None
    today = _day(at, time_zone)
    is_full = today <= standing.capped_on <= today + timedelta(days=1)
    if not is_full or standing.capped_mail_id == mail_id:
        return None
    return instant(standing.capped_on + timedelta(days=1), time(), time_zone)


def _day(at: datetime, time_zone: str) -> date:
    return at.astimezone(ZoneInfo(time_zone)).date()
