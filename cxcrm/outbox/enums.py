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


class MailState(TextChoices):
    QUEUED = "queued", _("Queued")
    CLAIMED = "claimed", _("Claimed by a worker")
    SENDING = "sending", _("Being sent")
    ACCEPTED = "accepted", _("Accepted by the relay")
    SUPPRESSED = "suppressed", _("Not sent")
    FAILED = "failed", _("Failed")

    LIVING = nonmember(("queued", "claimed", "sending"))
    FINAL = nonmember(("accepted", "suppressed", "failed"))
