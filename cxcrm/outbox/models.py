from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Trim
from django.utils.translation import gettext_lazy as _

from cxcrm.outbox.enums import LegalBasis, MailClass, MailState
from cxcrm.outbox.querysets import OutgoingMailQuerySet
from cxcrm.users.enums import Language


class MailAddress(models.Model):
    """An address that mail goes to, written once, in lower case, with what became of it."""

    address = models.EmailField(_("address"))
    bounced_at = models.DateTimeField(
        _("bounced"), null=True, blank=True, help_text=_("Set: nothing is sent there any more.")
    )
    bounce_reason = models.CharField(_("bounce reason"), max_length=300, blank=True)
    complained_at = models.DateTimeField(_("complained"), null=True, blank=True)

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
        ]

    def __str__(self) -> str:
        return self.address


class MailPermission(models.Model):
    """Why mail of a class may go to an address, from which source and since when.

    Without a basis it only keeps an objection, against which no later permission stands.
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
        ]

    def __str__(self) -> str:
        return f"{self.address_id}: {self.get_mail_class_display()}"


class OutgoingMail(models.Model):
    """One mail on its way. Its once-guard is the domain row that it is about (`subject_id`).

    `facts` and `template_version` are frozen when it is sent; the preview renders them again.
    `attempt` fences off a worker whose lease has run out: it counts up with every claim, and
    whoever records a result names the attempt that it holds. A claim given back untried does
    not count.
    """

    kind = models.CharField(_("kind"), max_length=40)
    subject_id = models.BigIntegerField(_("subject"))
    occasion = models.CharField(_("occasion"), max_length=40, blank=True)
    # No foreign key: accounts lie above the outbox.
    account_id = models.BigIntegerField(_("account"), null=True)
    address = models.ForeignKey(
        "outbox.MailAddress", models.PROTECT, related_name="mails", verbose_name=_("address")
    )
    language = models.CharField(_("language"), max_length=2, choices=Language)

    state = models.CharField(_("state"), max_length=10, choices=MailState, default=MailState.QUEUED)
    planned_at = models.DateTimeField(_("planned"))
    due_at = models.DateTimeField(
        _("next try"), help_text=_("When it may be sent; of a mail on its way: end of the lease.")
    )
    attempt = models.PositiveSmallIntegerField(_("attempts"), default=0)
    uncertain = models.PositiveSmallIntegerField(
        _("uncertain attempts"),
        default=0,
        help_text=_("Attempts after which nobody knows whether the relay had accepted."),
    )
    worker = models.CharField(
        _("worker"), max_length=100, blank=True, help_text=_("host:pid of the last attempt.")
    )
    finished_at = models.DateTimeField(_("finished"), null=True)
    outcome = models.CharField(
        _("outcome"), max_length=300, blank=True, help_text=_("The relay's answer or the reason.")
    )
    subject_line = models.CharField(_("subject line"), max_length=250, blank=True)
    facts = models.JSONField(_("facts"), null=True)
    template_version = models.CharField(_("template version"), max_length=64, blank=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("outgoing mail")
        verbose_name_plural = _("outgoing mails")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_id", "occasion"],
                condition=Q(state__in=MailState.LIVING),
                name="mail_once_while_it_lives",
            ),
            models.CheckConstraint(condition=Q(state__in=MailState.values), name="mail_state"),
            models.CheckConstraint(condition=Q(language__in=Language.values), name="mail_language"),
            models.CheckConstraint(
                condition=Q(state__in=MailState.FINAL, finished_at__isnull=False)
                | Q(state__in=MailState.LIVING, finished_at__isnull=True),
                name="mail_finished_has_time",
            ),
        ]
        indexes = [
            # What a worker claims next, and the leases that have run out.
            models.Index(
                fields=["due_at", "id"], name="mail_due", condition=Q(state__in=MailState.LIVING)
            ),
            # What did not go out: somebody has to be told in another way.
            models.Index(
                fields=["kind", "finished_at"],
                name="mail_not_sent",
                condition=Q(state__in=[MailState.SUPPRESSED, MailState.FAILED]),
            ),
            models.Index(fields=["kind", "subject_id"], name="mail_subject"),
            models.Index(fields=["account_id", "-id"], name="mail_of_account"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"
