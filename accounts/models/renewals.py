from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.enums import ReminderState, ReminderStep
from accounts.querysets.renewals import RenewalReminderQuerySet


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
    step = models.PositiveSmallIntegerField(_("step"), choices=ReminderStep)
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
