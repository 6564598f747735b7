"""Queue mails, deliver them, show them; know addresses and what may be sent there."""

from cxcrm.outbox.services.addresses import (
    ConsentRefused,
    MailAddressRefused,
    NoSuchObjection,
    PermissionGrant,
    grant_permissions,
    lift_objection,
    mark_bounced,
    object_to,
    object_to_all,
    remember_addresses,
    revive_address,
)
from cxcrm.outbox.services.bounce_mailbox import READ_BOUNCES, MailboxAway, read_bounces
from cxcrm.outbox.services.bounces import Bounce, note_bounce
from cxcrm.outbox.services.brands import register_brands
from cxcrm.outbox.services.delivery import DeliveryCounts, deliver_mails
from cxcrm.outbox.services.endings import take_endings
from cxcrm.outbox.services.hold import (
    awaits_release,
    hold_mails,
    register_lost_work,
    release_mails,
)
from cxcrm.outbox.services.kinds import (
    MailExample,
    MailKind,
    MailText,
    UnknownMailKind,
    mail_kind,
    mail_kind_label,
    mail_kinds,
    register_mail_kind,
)
from cxcrm.outbox.services.queueing import DELIVER_MAILS, MailRequest, queue_mails
from cxcrm.outbox.services.rendering import RenderedMail, render_mail
from cxcrm.outbox.services.retention import FORGET_OLD_MAILS, forget_old_mails
from cxcrm.outbox.services.values import day_in_words
from cxcrm.outbox.services.wording import wording_in_force
from cxcrm.outbox.sql.endings import Ending

__all__ = [
    "DELIVER_MAILS",
    "FORGET_OLD_MAILS",
    "READ_BOUNCES",
    "Bounce",
    "ConsentRefused",
    "DeliveryCounts",
    "Ending",
    "MailAddressRefused",
    "MailExample",
    "MailKind",
    "MailRequest",
    "MailText",
    "MailboxAway",
    "NoSuchObjection",
    "PermissionGrant",
    "RenderedMail",
    "UnknownMailKind",
    "awaits_release",
    "day_in_words",
    "deliver_mails",
    "forget_old_mails",
    "grant_permissions",
    "hold_mails",
    "lift_objection",
    "mail_kind",
    "mail_kind_label",
    "mail_kinds",
    "mark_bounced",
    "note_bounce",
    "object_to",
    "object_to_all",
    "queue_mails",
    "read_bounces",
    "register_brands",
    "register_lost_work",
    "register_mail_kind",
    "release_mails",
    "remember_addresses",
    "render_mail",
    "revive_address",
    "take_endings",
    "wording_in_force",
]
