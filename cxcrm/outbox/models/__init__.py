from cxcrm.outbox.models.addresses import MailAddress, MailBounce, MailPermission
from cxcrm.outbox.models.mails import OutgoingMail
from cxcrm.outbox.models.sending import DeliveryState, RecipientDomain
from cxcrm.outbox.models.wordings import MailWording

__all__ = [
    "DeliveryState",
    "MailAddress",
    "MailBounce",
    "MailPermission",
    "MailWording",
    "OutgoingMail",
    "RecipientDomain",
]
