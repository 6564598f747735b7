from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cxcrm.outbox.enums import MailClass, MailReason, MailState
from cxcrm.outbox.querysets import OutgoingMailQuerySet
from cxcrm.users.enums import Language


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
    mail_class = models.CharField(
        _("class of mail"),
        max_length=10,
        choices=MailClass,
        default=MailClass.SERVICE,
        db_default=MailClass.SERVICE,
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="UTC",
        db_default="UTC",
        help_text=_("The recipient's, for quiet hours and days."),
    )
    useful_until = models.DateTimeField(
        _("useful until"),
        null=True,
        help_text=_("Quiet hours do not keep it longer than that. Empty: it can wait."),
    )

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
    reason = models.CharField(
        _("reason"), max_length=20, choices=MailReason, blank=True, default="", db_default=""
    )
    outcome = models.CharField(
        _("outcome"), max_length=300, blank=True, help_text=_("The relay's answer or the reason.")
    )
    relay = models.CharField(
        _("relay"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=_("The mail server or provider that accepted it."),
    )
    provider_id = models.CharField(
        _("provider's number"), max_length=200, blank=True, default="", db_default=""
    )
    bounced_at = models.DateTimeField(_("came back"), null=True)
    # Somebody waits for it: it is claimed before all others.
    is_urgent = models.BooleanField(default=False, db_default=False, editable=False)
    # It has its place among the mails to a provider that is sent to slowly; the next try asks
    # for another.
    has_slot = models.BooleanField(default=False, db_default=False, editable=False)
    # The app above has taken note of the end; apps that do not ask for it never wait for it.
    is_noted = models.BooleanField(default=True, db_default=True, editable=False)
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
                condition=Q(mail_class__in=MailClass.values), name="mail_class_known"
            ),
            models.CheckConstraint(
                condition=Q(reason__in=["", *MailReason.values]), name="mail_reason"
            ),
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
            models.Index(
                fields=["due_at", "id"],
                name="mail_due_urgent",
                condition=Q(state__in=MailState.LIVING, is_urgent=True),
            ),
            # What did not go out: somebody has to be told in another way.
            models.Index(
                fields=["kind", "finished_at"],
                name="mail_not_sent",
                condition=Q(state__in=[MailState.SUPPRESSED, MailState.FAILED]),
            ),
            # Ends that the app above has not taken note of yet.
            models.Index(
                fields=["kind", "id"],
                name="mail_to_note",
                condition=Q(state__in=MailState.FINAL, is_noted=False),
            ),
            # Rates of the last hours, and what is old enough to be forgotten.
            models.Index(
                fields=["finished_at", "id"],
                name="mail_finished",
                condition=Q(finished_at__isnull=False),
            ),
            models.Index(
                fields=["provider_id"], name="mail_provider_id", condition=~Q(provider_id="")
            ),
            models.Index(fields=["kind", "subject_id"], name="mail_subject"),
            models.Index(fields=["account_id", "-id"], name="mail_of_account"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"
