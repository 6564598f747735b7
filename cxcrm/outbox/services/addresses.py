"""Addresses that mail goes to, and what their owners allow."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from cxcrm.base.errors import DomainError
from cxcrm.outbox.enums import LegalBasis, MailClass, ObjectionSource
from cxcrm.outbox.models import MailAddress
from cxcrm.outbox.services.lines import line_to_keep
from cxcrm.outbox.sql.addresses import insert_addresses, upsert_objections, upsert_permissions

_ADDRESS = re.compile(r"(?=.{3,254}\Z)[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")


class MailAddressRefused(DomainError):
    code = "mail_address_refused"


class ServiceMailNeeded(DomainError):
    code = "service_mail_needed"


class NoSuchObjection(DomainError):
    code = "no_such_objection"


class ConsentRefused(DomainError):
    code = "consent_refused"


@dataclass(frozen=True)
class PermissionGrant:
    """Mail of a class may go to an address on this basis; without a time: since now."""

    address_id: int
    mail_class: MailClass
    basis: LegalBasis
    source: str
    granted_at: datetime | None = None


def remember_addresses(*, addresses: Collection[str]) -> dict[str, int]:
    """The ids of addresses, keyed as they were given; adds the new ones in lower case.

    Raises MailAddressRefused for the first that cannot be a mail address; then none is added.
    """
    for address in addresses:
        if not _ADDRESS.fullmatch(address.strip(" ")):
            raise MailAddressRefused(_("“%s” is no mail address.") % address, field="address")
    return insert_addresses(list(addresses))


def grant_permissions(*, grants: Sequence[PermissionGrant], at: datetime) -> int:
    """Write why mail may go where; answers how many rows are new or changed.

    Of several grants for one address and class the latest counts. An objection stays in force.
    """
    return upsert_permissions(
        address_ids=[grant.address_id for grant in grants],
        mail_classes=[grant.mail_class for grant in grants],
        bases=[grant.basis for grant in grants],
        sources=[grant.source for grant in grants],
        granted=[grant.granted_at or at for grant in grants],
    )


def object_to(
    *, address_id: int, mail_class: MailClass, via: ObjectionSource, at: datetime
) -> None:
    """Note that the owner of an address wants no mail of a class, whether or not it was allowed.

    No later grant undoes it, only `lift_objection`. Mails on their way are stopped when a worker
    comes to them. Raises ServiceMailNeeded.
    """
    if mail_class == MailClass.SERVICE:
        raise ServiceMailNeeded(
            _("Mails about contracts are part of them: nobody can object to these."),
            field="mail_class",
        )
    upsert_objections(address_id=address_id, mail_classes=[mail_class], via=via, at=at)


def object_to_all(*, address_id: int, via: ObjectionSource, at: datetime) -> None:
    """Note that the owner of an address wants nothing but service mails."""
    classes = [mail_class for mail_class in MailClass if mail_class != MailClass.SERVICE]
    upsert_objections(address_id=address_id, mail_classes=classes, via=via, at=at)


@transaction.atomic
def lift_objection(
    *, address_id: int, mail_class: MailClass, source: str, consented_at: datetime, at: datetime
) -> None:
    """End an objection by the owner's consent that is newer, whose source and time are kept.

    It counts for this class alone. One that is newer than a complaint ends that, too; the
    objections to other classes that the complaint has made stand. Raises NoSuchObjection and
    ConsentRefused.
    """
    source = line_to_keep(source, limit=200)
    if not source:
        raise ConsentRefused(_("Say how the consent can be proved."), field="source")
    if consented_at > at:
        raise ConsentRefused(_("This is in the future."), field="consented_at")
    # Addresses are locked before their permissions everywhere.
    address = MailAddress.objects.select_for_update().get(pk=address_id)
    objected = address.permissions.filter(mail_class=mail_class, objected_at__isnull=False)
    permission = objected.select_for_update().first()
    if permission is None:
        raise NoSuchObjection(_("There is no objection to these mails."), field="mail_class")
    if consented_at <= max(filter(None, (permission.objected_at, address.complained_at))):
        raise ConsentRefused(_("The objection is newer than this consent."), field="consented_at")
    objected.update(
        basis=LegalBasis.CONSENT,
        source=source,
        granted_at=consented_at,
        objected_at=None,
        objected_via="",
    )
    MailAddress.objects.filter(pk=address_id).update(complained_at=None)


def mark_bounced(
    *, address_id: int, reason: str, at: datetime, occurred_at: datetime | None = None
) -> None:
    """Send nothing more to an address that does not exist; the first reason is kept.

    What occurred before the address was brought back is passed over.
    """
    addresses = MailAddress.objects.filter(pk=address_id, bounced_at=None)
    if occurred_at:
        addresses = addresses.filter(Q(revived_at=None) | Q(revived_at__lt=occurred_at))
    addresses.update(bounced_at=at, bounce_reason=line_to_keep(reason, limit=300))


def revive_address(*, address_id: int, at: datetime) -> None:
    """Send to an address again that had bounced; what came back until now counts no more.

    A complaint stands: it was its owner's will, as an objection is.
    """
    MailAddress.objects.filter(pk=address_id, bounced_at__isnull=False).update(
        bounced_at=None, bounce_reason="", revived_at=at
    )
