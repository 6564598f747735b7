from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.enums import ReminderState
from accounts.querysets.renewals import RenewalReminderQuerySet

# Of one code; then another has to be asked for.
MOST_WRONG_TRIES = 5


class RenewalReminder(models.Model):
    """The decision about one reminder; kept for good, it is what keeps a second one from going.

    Written by the renewal services only. The mail, where there is one, is the outgoing mail of
    kind `renewal_reminder` whose subject is this row.
    """

    contract = models.ForeignKey(
        "accounts.Contract",
        models.CASCADE,
        related_name="reminders",
        db_index=False,  # the unique constraint begins with it
        verbose_name=_("contract"),
    )
    renewal_date = models.DateField(_("renewal date"))
    step = models.PositiveSmallIntegerField(
        _("reminder step"), help_text=_("Which of its policy's reminders this is.")
    )
    state = models.CharField(_("state"), max_length=12, choices=ReminderState)
    due_on = models.DateField(_("due on"), help_text=_("The day that the policy asked for."))
    decided_on = models.DateField(
        _("decided on"), help_text=_("In the customer's time zone; after the due day: late.")
    )
    decided_at = models.DateTimeField(_("decided at"))
    contact = models.ForeignKey(
        "accounts.Contact",
        models.SET_NULL,
        null=True,
        related_name="reminders",
        verbose_name=_("contact"),
    )

    policy = models.ForeignKey(
        "accounts.ReminderPolicy",
        models.PROTECT,
        null=True,
        related_name="reminders",
        db_index=False,  # policies are ended, never deleted
        verbose_name=_("policy"),
    )
    earliest_on = models.DateField(
        _("lawful from"),
        null=True,
        help_text=_("The first day of the policy's window. Empty: it has none."),
    )
    latest_on = models.DateField(
        _("lawful until"),
        null=True,
        help_text=_("The last day of the policy's window. Empty: it has none."),
    )
    is_clash = models.BooleanField(
        _("clash"),
        db_default=False,
        default=False,
        help_text=_("The lawful window left less time to decide than the policy asks for."),
    )

    # The proof, which outlives the mail.
    accepted_at = models.DateTimeField(_("accepted"), null=True)
    accepted_by = models.CharField(
        _("accepted by"), max_length=100, blank=True, default="", db_default=""
    )
    bounced_at = models.DateTimeField(_("came back"), null=True)

    kept_at = models.DateTimeField(
        _("kept"), null=True, help_text=_("When the customer said to stay.")
    )

    objects = RenewalReminderQuerySet.as_manager()

    class Meta:
        verbose_name = _("renewal reminder")
        verbose_name_plural = _("renewal reminders")
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "renewal_date", "step"],
                name="reminder_once_per_renewal_and_step",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=ReminderState.values), name="reminder_state"
            ),
        ]
        indexes = [
            # The desk's lists by state, and its counts of the last days.
            models.Index(fields=["state", "decided_on", "id"], name="reminder_by_state"),
            # The lists of those that came late, and of those whose window was too short.
            models.Index(
                fields=["-decided_on", "-id"],
                name="reminder_late",
                condition=models.Q(state=ReminderState.PLANNED, decided_on__gt=models.F("due_on")),
            ),
            models.Index(
                fields=["-decided_on", "-id"],
                name="reminder_clash",
                condition=models.Q(is_clash=True),
            ),
            # What is held and still to come; those whose day has passed stay behind for good.
            models.Index(
                fields=["renewal_date", "id"],
                name="reminder_held",
                condition=models.Q(state=ReminderState.HELD),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract_id}, {self.renewal_date:%Y-%m-%d}"

    @property
    def is_late(self) -> bool:
        return self.decided_on > self.due_on

    @property
    def tells_of_end(self) -> bool:
        """Of a contract that has ended with its term; all others tell of what is to come."""
        return self.due_on > self.renewal_date


class DecisionCode(models.Model):
    """Six digits that a customer gets by mail to cancel by a reminder's link.

    The digits are derived from the row's id and a secret, and stand nowhere.
    """

    reminder = models.ForeignKey(
        "accounts.RenewalReminder",
        models.CASCADE,
        related_name="codes",
        verbose_name=_("renewal reminder"),
    )
    created_at = models.DateTimeField(_("asked for"))
    expires_at = models.DateTimeField(_("valid until"))
    wrong_tries = models.PositiveSmallIntegerField(_("wrong tries"), default=0)
    used_at = models.DateTimeField(_("used"), null=True)

    class Meta:
        verbose_name = _("code to cancel")
        verbose_name_plural = _("codes to cancel")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(wrong_tries__lte=MOST_WRONG_TRIES),
                name="decision_code_wrong_tries",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reminder_id}, {self.created_at:%Y-%m-%d %H:%M}"
