"""Whether a mail may go, asked right before it is sent."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from cxcrm.outbox.enums import MailClass, MailReason
from cxcrm.outbox.models import MailAddress, MailPermission
from cxcrm.outbox.services.kinds import MailKind
from cxcrm.outbox.sql.mails import Claim


@dataclass(frozen=True, slots=True)
class Passage:
    """Without a reason a mail may go; with one it waits until a moment or, without that, is
    stopped for good."""

    reason: MailReason | None = None
    text: str = ""
    wait_until: datetime | None = None


FREE = Passage()


def passage(kind: MailKind, claim: Claim, *, address: MailAddress, at: datetime) -> Passage:
    """May this mail go at `at`? Its address, the owner's will, the kind's own reason.

    Everything but a service mail needs a permission that nobody has objected to.
    """
    if address.bounced_at:
        return Passage(MailReason.ADDRESS_BOUNCED, _("The address has bounced."))
    if kind.mail_class != MailClass.SERVICE:
        permission = MailPermission.objects.filter(
            address=address, mail_class=kind.mail_class
        ).first()
        if permission is None:
            return Passage(
                MailReason.NO_PERMISSION, _("There is no permission for mail of this class.")
            )
        if permission.objected_at:
            return Passage(MailReason.OBJECTED, _("The owner of the address has objected."))
    refusal = kind.refusal(claim.subject_id, at)
    if refusal:
        return Passage(MailReason.NOT_NEEDED, refusal)
    return FREE
