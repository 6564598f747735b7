"""What comes back of mails after they were accepted, and what follows for their addresses."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from cxcrm.outbox.enums import BounceKind, BounceSource, ObjectionSource
from cxcrm.outbox.models import MailAddress, MailBounce, OutgoingMail
from cxcrm.outbox.services.addresses import mark_bounced, object_to_all
from cxcrm.outbox.services.kinds import mail_kinds
from cxcrm.outbox.sql.bounces import count_soft_bounces, mark_mail_bounced

SOFT_BOUNCES = 3
SOFT_DAYS = 14


@dataclass(frozen=True, kw_only=True)
class Bounce:
    """Something that came back, as its source tells it; `event_id` is the source's own.

    It is known by the number of the mail, by the provider's number of it, or by its address.
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
    is an objection to all but service mails. Answers False where it is known already or is about
    nobody that we know.
    """
    mail = _mail_of(bounce)
    address_id = mail.address_id if mail else _address_id(bounce.address)
    if address_id is None:
        return False
    _row, is_new = MailBounce.objects.get_or_create(
        source=bounce.source,
        event_id=bounce.event_id[:200],
        defaults={
            "address_id": address_id,
            "mail_id": mail.pk if mail else None,
            "kind": bounce.kind,
            "reason": bounce.reason[:300],
            "occurred_at": bounce.occurred_at,
        },
    )
    if not is_new:
        return False
    # A mail that is complained of has arrived. Mails are locked before addresses everywhere.
    if mail and bounce.kind != BounceKind.COMPLAINT:
        noted = [kind.name for kind in mail_kinds() if kind.is_noted]
        mark_mail_bounced(mail_id=mail.pk, at=bounce.occurred_at, noted_kinds=noted)
    match bounce.kind:
        case BounceKind.HARD:
            mark_bounced(address_id=address_id, reason=bounce.reason, at=at)
        case BounceKind.SOFT:
            since = bounce.occurred_at - timedelta(days=SOFT_DAYS)
            if count_soft_bounces(address_id=address_id, since=since) >= SOFT_BOUNCES:
                mark_bounced(address_id=address_id, reason=bounce.reason, at=at)
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
            "reason": reason[:300],
            "occurred_at": at,
        },
    )
    mark_bounced(address_id=address_id, reason=reason, at=at)


def _note_complaint(*, address_id: int, at: datetime) -> None:
    MailAddress.objects.filter(pk=address_id, complained_at=None).update(complained_at=at)
    object_to_all(address_id=address_id, via=ObjectionSource.COMPLAINT, at=at)


def _mail_of(bounce: Bounce) -> OutgoingMail | None:
    mails = OutgoingMail.objects.only("id", "address_id").order_by("-id")
    if bounce.mail_id:
        return mails.filter(pk=bounce.mail_id).first()
    if bounce.provider_id:
        return mails.filter(provider_id=bounce.provider_id).first()
    return None


def _address_id(address: str) -> int | None:
    found = MailAddress.objects.filter(address=address.strip().lower())
    return found.values_list("pk", flat=True).first()
