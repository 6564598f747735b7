from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class DeliveryState(models.Model):
    """The one row that says whether mails may leave this database.

    `identity` is the database that last sent. Where it is another one now, this is a copy or a
    restored backup: it holds its mails until somebody releases them.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    identity = models.CharField(_("database"), max_length=100, blank=True)
    held_since = models.DateTimeField(_("on hold since"), null=True)
    hold_reason = models.CharField(_("reason"), max_length=200, blank=True)
    changed_at = models.DateTimeField(_("held or released"), null=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )

    class Meta:
        verbose_name = _("state of sending")
        verbose_name_plural = _("state of sending")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="delivery_state_is_one")]

    def __str__(self) -> str:
        return self.identity


class RecipientDomain(models.Model):
    """A provider of mailboxes that wants mail slowly; those that are not listed have no limit."""

    domain = models.CharField(_("domain"), max_length=253, help_text=_("Like gmail.com."))
    mails_per_minute = models.PositiveIntegerField(_("mails a minute"))
    # Mails get their places one after the other; the next free one.
    next_slot_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("slow provider")
        verbose_name_plural = _("slow providers")
        constraints = [
            models.UniqueConstraint(
                fields=["domain"],
                name="recipient_domain_once",
                violation_error_message=_("This domain has a limit already."),
            ),
            models.CheckConstraint(
                condition=Q(domain__regex=r"^[a-z0-9.-]+\.[a-z0-9-]+$"),
                name="recipient_domain_is_normalised",
                violation_error_message=_("A domain in lower case, like gmail.com."),
            ),
            models.CheckConstraint(
                condition=Q(mails_per_minute__gte=1, mails_per_minute__lte=60_000),
                name="recipient_domain_limit",
                violation_error_message=_("Between 1 and 60,000 mails a minute."),
            ),
        ]

    def __str__(self) -> str:
        return self.domain
