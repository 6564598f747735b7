"""Queue mails, deliver them, show them; know addresses and what may be sent there."""

from cxcrm.outbox.services.addresses import (
    MailAddressRefused,
    PermissionGrant,
    grant_permissions,
    mark_bounced,
    object_to,
    remember_addresses,
    revive_address,
)
from cxcrm.outbox.services.delivery import DeliveryCounts, deliver_mails
from cxcrm.outbox.services.kinds import (
    MailKind,
    MailText,
    UnknownMailKind,
    mail_kind,
    mail_kinds,
    register_mail_kind,
)
from cxcrm.outbox.services.queueing import DELIVER_MAILS, MailRequest, queue_mails
from cxcrm.outbox.services.rendering import RenderedMail, render_mail

__all__ = [
    "DELIVER_MAILS",
    "DeliveryCounts",
    "MailAddressRefused",
    "MailKind",
    "MailRequest",
    "MailText",
    "PermissionGrant",
    "RenderedMail",
    "UnknownMailKind",
    "deliver_mails",
    "grant_permissions",
    "mail_kind",
    "mail_kinds",
    "mark_bounced",
    "object_to",
    "queue_mails",
    "register_mail_kind",
    "remember_addresses",
    "render_mail",
    "revive_address",
]
