"""What comes back of mails after they were accepted, and what follows for their addresses."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils.encoding import punycode

from cxcrm.outbox.enums import BounceKind, BounceSource, ObjectionSource
from cxcrm.outbox.models import MailAddress, MailBounce, OutgoingMail
from cxcrm.outbox.services.addresses import mark_bounced, object_to_all
from cxcrm.outbox.services.kinds import mail_kinds
from cxcrm.outbox.services.lines import line_to_keep
from cxcrm.outbox.sql.bounces import mark_mail_bounced, most_soft_bounces

SOFT_BOUNCES = 3
SOFT_DAYS = 14


@dataclass(frozen=True, kw_only=True)
class Bounce:
    """Something that came back, as its source tells it; `event_id` is the source's own.

    It is known by the number of the mail, by the provider's number of it, or by its address. Where
    it names an address, no mail to another is meant, whatever number is told: ours may have gone
    to another mail since, after a restore.
    """

    kind: BounceKind
    source: BounceSource
    event_id: str
    occurred_at: datetime
    reason: str = ""
    mail_id: int | None = None
    provider_id: str = ""
    address: str = ""


@transaction.atomic
def note_bounce(*, bounce: Bounce, at: datetime) -> bool:
    """Keep what came back, once, and stop what must not be sent any more.

    A hard bounce ends an address, as do three mails in 14 days that bounced softly. A complaint
    is an objection to all but service mails. What came back before its address was brought back
    does not end it again. Answers False where it is known already or is about nobody that we know.
    """
    bounce = _readable(bounce)
    mail = _mail_of(bounce)
    address_id = mail.address_id if mail else _address_id(bounce.address)
    if address_id is None:
        return False
    occurred_at = _moment(bounce.occurred_at, mail, at)
    _row, is_new = MailBounce.objects.get_or_create(
        source=bounce.source,
        event_id=bounce.event_id,
        defaults={
            "address_id": address_id,
            "mail_id": mail.pk if mail else None,
            "kind": bounce.kind,
            "reason": bounce.reason,
            "occurred_at": occurred_at,
        },
    )
    if not is_new:
        return False
    # A mail that is complained of has arrived. Mails are locked before addresses everywhere.
    if mail and bounce.kind != BounceKind.COMPLAINT:
        noted = [kind.name for kind in mail_kinds() if kind.is_noted]
        mark_mail_bounced(mail_id=mail.pk, at=occurred_at, noted_kinds=noted)
    match bounce.kind:
        case BounceKind.HARD:
            mark_bounced(
                address_id=address_id, reason=bounce.reason, at=at, occurred_at=occurred_at
            )
        case BounceKind.SOFT:
            if most_soft_bounces(address_id=address_id, days=SOFT_DAYS) >= SOFT_BOUNCES:
                mark_bounced(
                    address_id=address_id, reason=bounce.reason, at=at, occurred_at=occurred_at
                )
        case BounceKind.COMPLAINT:
            _note_complaint(address_id=address_id, at=at)
    return True


def note_refusal(*, address_id: int, mail_id: int, reason: str, at: datetime) -> None:
    """The relay said at once that there is no such address: the mail itself has failed."""
    MailBounce.objects.get_or_create(
        source=BounceSource.RELAY,
        event_id=f"mail {mail_id}",
        defaults={
            "address_id": address_id,
            "mail_id": mail_id,
            "kind": BounceKind.HARD,
            "reason": line_to_keep(reason, limit=300),
            "occurred_at": at,
        },
    )
    mark_bounced(address_id=address_id, reason=reason, at=at)


def _note_complaint(*, address_id: int, at: datetime) -> None:
    MailAddress.objects.filter(pk=address_id, complained_at=None).update(complained_at=at)
    object_to_all(address_id=address_id, via=ObjectionSource.COMPLAINT, at=at)


def _mail_of(bounce: Bounce) -> OutgoingMail | None:
    mails = OutgoingMail.objects.select_related("address").order_by("-id")
    mails = mails.only("id", "address__address", "planned_at", "finished_at")
    found = None
    if bounce.mail_id:
        found = mails.filter(pk=bounce.mail_id).first()
    if bounce.provider_id and not (found and _is_about(bounce, found)):
        found = mails.filter(provider_id=bounce.provider_id).first()
    return found if found and _is_about(bounce, found) else None


def _is_about(bounce: Bounce, mail: OutgoingMail) -> bool:
    return not bounce.address or _coded(bounce.address) == _coded(mail.address.address)


def _coded(address: str) -> str:
    """With the domain as servers say it; some providers tell it so, some in its own letters."""
    name, _at, domain = address.strip().lower().rpartition("@")
    try:
        return f"{name}@{punycode(domain)}"
    except UnicodeError:
        return f"{name}@{domain}"


def _moment(told: datetime, mail: OutgoingMail | None, at: datetime) -> datetime:
    """When it came back: after its mail was sent and not later than now, for clocks are wrong."""
    earliest = (mail.finished_at or mail.planned_at) if mail else told
    return min(max(told, earliest), at)


def _readable(bounce: Bounce) -> Bounce:
    """Others' words may hold what no text of a database can."""
    return replace(
        bounce,
        event_id=line_to_keep(bounce.event_id, limit=200),
        reason=line_to_keep(bounce.reason, limit=300),
        provider_id=line_to_keep(bounce.provider_id, limit=200),
        address=line_to_keep(bounce.address, limit=254),
    )


def _address_id(address: str) -> int | None:
    found = MailAddress.objects.filter(address=address.strip().lower())
    return found.values_list("pk", flat=True).first()
