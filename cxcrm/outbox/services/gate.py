"""Whether a mail may still go, asked right before it is sent."""

from datetime import datetime

from django.utils.translation import gettext as _

from cxcrm.outbox.enums import MailClass
from cxcrm.outbox.models import MailAddress, MailPermission
from cxcrm.outbox.services.kinds import MailKind


def suppression(
    kind: MailKind, *, subject_id: int, address: MailAddress, at: datetime
) -> str | None:
    """Why a mail must not go: its address, the owner's will or the kind's own reason; or None.

    Everything but a service mail needs a permission that nobody has objected to.
    """
    if address.bounced_at:
        return _("The address has bounced.")
    if kind.mail_class != MailClass.SERVICE:
        permission = MailPermission.objects.filter(
            address=address, mail_class=kind.mail_class
        ).first()
        if permission is None:
            return _("There is no permission for mail of this class.")
        if permission.objected_at:
            return _("The owner of the address has objected.")
    return kind.refusal(subject_id, at)
