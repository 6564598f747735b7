"""What owners of addresses decide by the links in their mails."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from cxcrm.base.errors import DomainError
from cxcrm.base.links import absolute, seal
from cxcrm.outbox.enums import MailClass, ObjectionSource
from cxcrm.outbox.models import MailAddress, MailPermission, OutgoingMail

# Links of the first kind act when they are posted to, without a page; the others open the page.
UNSUBSCRIBE = "unsubscribe"
PREFERENCES = "preferences"
# Long enough for a slip to be noticed; later a new permission has to be asked for.
UNDO_WITHIN = timedelta(hours=24)


class ObjectionStands(DomainError):
    code = "objection_stands"


@dataclass(frozen=True)
class Preference:
    """A class of mail that an address gets, or got until its owner objected."""

    mail_class: MailClass
    objected_at: datetime | None
    can_undo: bool


def address_mark(address_id: int) -> str | None:
    """What the links of an address are bound to: whoever gets its number, after a restore, has
    another one. None where there is no such address."""
    found = MailAddress.objects.filter(pk=address_id)
    return found.values_list("address", flat=True).first()


def preferences_path(address: MailAddress) -> str:
    token = seal(PREFERENCES, address.pk, bound_to=address.address)
    return reverse("outbox:preferences", args=[token])


def preferences_url(address: MailAddress) -> str:
    """The link below every mail that is no service mail."""
    return absolute(preferences_path(address))


def unsubscribe_headers(*, address: MailAddress, mail_class: MailClass) -> dict[str, str]:
    """By them mail programs offer to unsubscribe with one click (RFC 8058); none for service
    mails, which nobody can object to."""
    if mail_class == MailClass.SERVICE:
        return {}
    token = seal(UNSUBSCRIBE, f"{address.pk}-{mail_class}", bound_to=address.address)
    url = absolute(reverse("outbox:unsubscribe", args=[token]))
    return {
        "List-Unsubscribe": f"<{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def preferences_of(*, address_id: int, at: datetime) -> list[Preference]:
    """All classes that were ever allowed to the address or objected to."""
    permissions = MailPermission.objects.filter(address_id=address_id).order_by("mail_class")
    return [
        Preference(
            mail_class=MailClass(permission.mail_class),
            objected_at=permission.objected_at,
            can_undo=permission.objected_at is not None
            and permission.objected_via == ObjectionSource.PAGE
            and permission.objected_at >= at - UNDO_WITHIN,
        )
        for permission in permissions
    ]


def take_back_objection(*, address_id: int, mail_class: MailClass, at: datetime) -> None:
    """Undo what the page behind the link has done, within UNDO_WITHIN.

    Raises ObjectionStands for one that is older or was made in another way.
    """
    undoable = MailPermission.objects.filter(
        address_id=address_id,
        mail_class=mail_class,
        objected_via=ObjectionSource.PAGE,
        objected_at__gte=at - UNDO_WITHIN,
    )
    undone = undoable.exclude(basis="").update(objected_at=None, objected_via="")
    # Without a basis the row held nothing but the objection.
    forgotten, _models = undoable.filter(basis="").delete()
    if not undone + forgotten:
        raise ObjectionStands(
            _("This can be undone for a day. Please write to us if you want these mails again.")
        )


def newest_mail_to(*, address_id: int) -> OutgoingMail | None:
    """In whose language and look the page greets; the newest of those that were written."""
    return (
        OutgoingMail.objects.filter(address_id=address_id, facts__isnull=False)
        .only("language", "facts")
        .order_by("-id")
        .first()
    )
