import pgtrigger
from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.enums import TimelineKind


class TimelineEvent(models.Model):
    """One business event in the life of an account; written once, never changed."""

    account = models.ForeignKey(
        "accounts.Account",
        models.CASCADE,
        related_name="timeline",
        db_index=False,  # `timeline_of_account` begins with it
        verbose_name=_("account"),
    )
    kind = models.CharField(_("event"), max_length=40, choices=TimelineKind)
    occurred_at = models.DateTimeField(_("when"))
    contract = models.ForeignKey(
        "accounts.Contract",
        models.CASCADE,
        null=True,
        related_name="timeline",
        verbose_name=_("contract"),
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("Empty: the system."),
    )
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        verbose_name = _("timeline event")
        verbose_name_plural = _("timeline")
        indexes = [
            models.Index(fields=["account", "-occurred_at", "-id"], name="timeline_of_account"),
            # What is new, of all accounts: for those who ask again and again.
            models.Index(fields=["-occurred_at", "-id"], name="timeline_by_time"),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="timeline_is_append_only",
                fields=["account", "kind", "occurred_at", "contract", "facts"],
            )
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
