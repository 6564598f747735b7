from enum import nonmember

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class MailClass(TextChoices):
    """What a mail is for; everything but a service mail needs a permission."""

    SERVICE = "service", _("Service")
    SURVEY = "survey", _("Survey")
    PROGRAMME = "programme", _("Programme")
    NEWSLETTER = "newsletter", _("Newsletter")
    ALERT = "alert", _("Alert")


class LegalBasis(TextChoices):
    CONSENT = "consent", _("Consent")
    EXISTING_CUSTOMER = "existing_customer", _("Existing customer")


class ObjectionSource(TextChoices):
    """How somebody said that they want no mail of a class."""

    ONE_CLICK = "one_click", _("One click in the mail program")
    PAGE = "page", _("Page behind the link in a mail")
    PHONE = "phone", _("By phone")
    MESSAGE = "message", _("By letter or message")
    COMPLAINT = "complaint", _("Reported as unwanted")

    TOLD = nonmember(("phone", "message"))


class HoldReason(TextChoices):
    """Why no mails leave."""

    RESTORED = "restored", _("This database was restored or copied")
    SETTING = "setting", _("CXCRM_HOLD_MAILS was set")
    BY_HAND = "by_hand", _("Held by hand")


class MailReason(TextChoices):
    """Why a mail waits, was stopped or failed. The text beside it is for people."""

    QUIET_HOURS = "quiet_hours", _("Quiet hours")
    DAILY_CAP = "daily_cap", _("One such mail a day")
    DOMAIN_LIMIT = "domain_limit", _("Limit of the recipient's provider")
    TEMPORARY = "temporary", _("Refused for now")
    UNCERTAIN = "uncertain", _("Uncertain: no answer after it was handed over")

    ADDRESS_BOUNCED = "address_bounced", _("Dead address")
    COMPLAINED = "complained", _("Reported as unwanted")
    NO_PERMISSION = "no_permission", _("No permission")
    OBJECTED = "objected", _("Objection")
    NOT_NEEDED = "not_needed", _("Not needed any more")
    DISCARDED = "discarded", _("Discarded when mails on hold were released")

    REFUSED = "refused", _("Refused for good")
    TRIES_OVER = "tries_over", _("Refused until the last try")
    NOT_WRITTEN = "not_written", _("Could not be written")

    WAITING = nonmember(("quiet_hours", "daily_cap", "domain_limit", "temporary", "uncertain"))
    STOPPING = nonmember(
        ("address_bounced", "complained", "no_permission", "objected", "not_needed", "discarded")
    )


class BounceKind(TextChoices):
    """What came back of a mail after the relay had accepted it."""

    HARD = "hard", _("Address does not exist")
    SOFT = "soft", _("Could not be delivered this time")
    COMPLAINT = "complaint", _("Reported as unwanted")


class BounceSource(TextChoices):
    RELAY = "relay", _("Relay's answer")
    PROVIDER = "provider", _("Mail provider")
    MAILBOX = "mailbox", _("Bounce mailbox")


class MailState(TextChoices):
    QUEUED = "queued", _("Queued")
    CLAIMED = "claimed", _("Claimed by a worker")
    SENDING = "sending", _("Being sent")
    ACCEPTED = "accepted", _("Accepted by the relay")
    SUPPRESSED = "suppressed", _("Not sent")
    FAILED = "failed", _("Failed")

    LIVING = nonmember(("queued", "claimed", "sending"))
    FINAL = nonmember(("accepted", "suppressed", "failed"))
