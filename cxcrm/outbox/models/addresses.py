from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Trim
from django.utils.translation import gettext_lazy as _

from cxcrm.outbox.enums import BounceKind, BounceSource, LegalBasis, MailClass, ObjectionSource
from cxcrm.outbox.querysets import MailAddressQuerySet


class MailAddress(models.Model):
    """An address that mail goes to, written once, in lower case, with what became of it."""

    address = models.EmailField(_("address"))
    bounced_at = models.DateTimeField(
        _("bounced"), null=True, blank=True, help_text=_("Set: nothing is sent there any more.")
    )
    bounce_reason = models.CharField(_("bounce reason"), max_length=300, blank=True)
    complained_at = models.DateTimeField(
        _("complained"),
        null=True,
        blank=True,
        help_text=_("Set: nothing but service mails is sent there any more."),
    )
    revived_at = models.DateTimeField(
        _("brought back"),
        null=True,
        blank=True,
        help_text=_("What had bounced by then does not count any more."),
    )
    # The daily cap: on which of its owner's days the last mail went that is no service mail.
    # Written by one conditional update, so that two workers cannot send two.
    capped_on = models.DateField(null=True, editable=False)
    capped_mail_id = models.BigIntegerField(null=True, editable=False)

    objects = MailAddressQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail address")
        verbose_name_plural = _("mail addresses")
        constraints = [
            # Not `unique=True`, which makes a second index for patterns that nobody asks for.
            models.UniqueConstraint(
                fields=["address"],
                name="mail_address_once",
                violation_error_message=_("This address is known already."),
            ),
            models.CheckConstraint(
                condition=Q(address=Lower(Trim("address"))), name="mail_address_is_normalised"
            ),
            models.CheckConstraint(
                condition=Q(address__regex=r"^[^@\s]+@[^@\s]+$"), name="mail_address_has_domain"
            ),
        ]
        indexes = [
            models.Index(
                fields=["bounced_at", "id"],
                name="mail_address_bounced",
                condition=Q(bounced_at__isnull=False),
            ),
            models.Index(
                fields=["complained_at", "id"],
                name="mail_address_complained",
                condition=Q(complained_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.address


class MailPermission(models.Model):
    """Why mail of a class may go to an address, from which source and since when.

    Without a basis it only keeps an objection. That outlives later permissions, until its owner's
    newer consent is proved.
    """

    address = models.ForeignKey(
        "outbox.MailAddress",
        models.CASCADE,
        related_name="permissions",
        db_index=False,  # the unique constraint begins with it
        verbose_name=_("address"),
    )
    mail_class = models.CharField(_("class of mail"), max_length=10, choices=MailClass)
    basis = models.CharField(_("legal basis"), max_length=20, choices=LegalBasis, blank=True)
    source = models.CharField(_("source"), max_length=200, blank=True)
    granted_at = models.DateTimeField(_("since"), null=True, blank=True)
    objected_at = models.DateTimeField(_("objected"), null=True, blank=True)
    objected_via = models.CharField(
        _("objected by"),
        max_length=10,
        choices=ObjectionSource,
        blank=True,
        default="",
        db_default="",
    )

    class Meta:
        verbose_name = _("mail permission")
        verbose_name_plural = _("mail permissions")
        constraints = [
            models.UniqueConstraint(
                fields=["address", "mail_class"], name="mail_permission_once_per_class"
            ),
            models.CheckConstraint(
                condition=Q(mail_class__in=MailClass.values), name="mail_permission_class"
            ),
            models.CheckConstraint(
                condition=Q(basis__in=LegalBasis.values, granted_at__isnull=False)
                | Q(basis="", granted_at__isnull=True, objected_at__isnull=False),
                name="mail_permission_has_basis",
            ),
            models.CheckConstraint(
                condition=Q(objected_at__isnull=True, objected_via="")
                | Q(objected_at__isnull=False, objected_via__in=["", *ObjectionSource.values]),
                name="mail_permission_objection_source",
            ),
        ]
        indexes = [
            models.Index(
                fields=["address"],
                name="mail_permission_objected",
                condition=Q(objected_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address_id}: {self.get_mail_class_display()}"


class MailBounce(models.Model):
    """What came back of a mail after it was accepted: kept once however often it is told."""

    address = models.ForeignKey(
        "outbox.MailAddress", models.CASCADE, related_name="bounces", verbose_name=_("address")
    )
    # No foreign key: mails are forgotten earlier than what came back of them.
    mail_id = models.BigIntegerField(_("mail"), null=True)
    kind = models.CharField(_("kind"), max_length=10, choices=BounceKind)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    source = models.CharField(_("source"), max_length=10, choices=BounceSource)
    event_id = models.CharField(_("event"), max_length=200)
    occurred_at = models.DateTimeField(_("occurred"))

    class Meta:
        verbose_name = _("bounce")
        verbose_name_plural = _("bounces")
        constraints = [
            models.UniqueConstraint(fields=["source", "event_id"], name="mail_bounce_once"),
            models.CheckConstraint(
                condition=Q(kind__in=BounceKind.values), name="mail_bounce_kind"
            ),
            models.CheckConstraint(
                condition=Q(source__in=BounceSource.values), name="mail_bounce_source"
            ),
        ]
        indexes = [
            # What came back in the last days, and what is old enough to be forgotten.
            models.Index(fields=["occurred_at"], name="mail_bounce_occurred"),
        ]

    def __str__(self) -> str:
        return f"{self.address_id}: {self.get_kind_display()}"
