from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cxcrm.users.enums import Language


class MailWording(models.Model):
    """A version of the texts of a kind of mail in one language, for one brand or for all.

    Versions are added, never changed: the highest is in force, and those before it are the
    history. `texts` holds what differs from the default, by the name of the text; none is back to
    the default.
    """

    kind = models.CharField(_("kind"), max_length=40)
    language = models.CharField(_("language"), max_length=2, choices=Language)
    # No foreign key: brands lie above the outbox.
    brand_code = models.CharField(
        _("brand"), max_length=50, blank=True, help_text=_("Empty: all brands.")
    )
    version = models.PositiveIntegerField(_("version"))
    texts = models.JSONField(_("texts"), default=dict)
    created_at = models.DateTimeField(_("saved"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )

    class Meta:
        verbose_name = _("wording of a mail")
        verbose_name_plural = _("wordings of mails")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "language", "brand_code", "version"], name="mail_wording_version"
            ),
            models.CheckConstraint(
                condition=Q(language__in=Language.values), name="mail_wording_language"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.language} {self.version}"
