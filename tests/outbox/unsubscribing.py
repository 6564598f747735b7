"""Permissions, objections, and the links that lead to them."""

from cxcrm.base.links import row_of, seal
from cxcrm.outbox.enums import LegalBasis, MailClass
from cxcrm.outbox.models import MailPermission
from cxcrm.outbox.services import PermissionGrant, grant_permissions, remember_addresses
from cxcrm.outbox.services.unsubscribing import PREFERENCES, UNSUBSCRIBE, address_mark
from tests.outbox.letters import NOW

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
READER, SCANNER = "198.51.100.7", "203.0.113.9"


def allow(*mail_classes: MailClass, address="ada@example.com") -> int:
    address_id = remember_addresses(addresses=[address])[address]
    grants = [
        PermissionGrant(
            address_id=address_id,
            mail_class=mail_class,
            basis=LegalBasis.CONSENT,
            source="test",
        )
        for mail_class in mail_classes
    ]
    grant_permissions(grants=grants, at=NOW)
    return address_id


def objections() -> dict[str, str]:
    return dict(
        MailPermission.objects.filter(objected_at__isnull=False)
        .order_by("mail_class")
        .values_list("mail_class", "objected_via")
    )


def sealed(purpose: str, subject: int | str) -> str:
    mark = address_mark(row_of(str(subject))) or ""
    return seal(purpose, subject, bound_to=mark)


def unsubscribe_path(address_id: int, mail_class: MailClass = MailClass.NEWSLETTER) -> str:
    return f"/mail/unsubscribe/{sealed(UNSUBSCRIBE, f'{address_id}-{mail_class}')}/"


def preferences_path(address_id: int) -> str:
    return f"/mail/preferences/{sealed(PREFERENCES, address_id)}/"
