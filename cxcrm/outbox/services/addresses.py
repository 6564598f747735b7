"""Addresses that mail goes to, and what their owners allow."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from cxcrm.base.errors import DomainError
from cxcrm.outbox.enums import LegalBasis, MailClass, ObjectionSource
from cxcrm.outbox.models import MailAddress
from cxcrm.outbox.sql.addresses import insert_addresses, upsert_objections, upsert_permissions

_ADDRESS = re.compile(r"(?=.{3,254}\Z)[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")


class MailAddressRefused(DomainError):
    code = "mail_address_refused"


class ServiceMailNeeded(DomainError):
    code = "service_mail_needed"


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

    No later grant undoes it. Mails on their way are stopped when a worker comes to them. Raises
    ServiceMailNeeded.
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


def mark_bounced(*, address_id: int, reason: str, at: datetime) -> None:
    """Send nothing more to an address that does not exist; the first reason is kept."""
    MailAddress.objects.filter(pk=address_id, bounced_at=None).update(
        bounced_at=at, bounce_reason=reason[:300]
    )


def revive_address(*, address_id: int) -> None:
    """Send to an address again that had bounced.

    A complaint stands: it was its owner's will, as an objection is.
    """
    MailAddress.objects.filter(pk=address_id).update(bounced_at=None, bounce_reason="")
