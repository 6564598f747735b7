from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.enums import ImportState


class ImportRun(models.Model):
    """One run of a feed: what was read, what came of it, and which rows were refused."""

    file_name = models.CharField(_("file"), max_length=255)
    file_sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)
    mapping = models.CharField(_("mapping"), max_length=255)
    as_of = models.DateField(_("as of"))
    state = models.CharField(_("state"), max_length=10, choices=ImportState)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("started by"),
    )
    rows_read = models.PositiveIntegerField(_("rows read"), default=0)
    rows_refused = models.PositiveIntegerField(_("rows refused"), default=0)
    counts = models.JSONField(
        _("counts"), default=dict, help_text=_("Per kind of thing: added, changed, unchanged.")
    )

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")

    def __str__(self) -> str:
        return self.file_name


class ImportIssue(models.Model):
    """Why a row of a feed was refused; without a field the whole row, on line 0 the whole file."""

    run = models.ForeignKey(
        "accounts.ImportRun",
        models.CASCADE,
        related_name="issues",
        db_index=False,  # the unique constraint begins with it
        verbose_name=_("import"),
    )
    line = models.PositiveIntegerField(_("line"), help_text=_("The header is line 1."))
    field = models.CharField(_("field"), max_length=64)
    reason = models.CharField(_("reason"), max_length=300)

    class Meta:
        verbose_name = _("refused row")
        verbose_name_plural = _("refused rows")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "line", "field"], name="import_issue_once_per_field"
            )
        ]

    def __str__(self) -> str:
        place = f"line {self.line}, {self.field}" if self.field else f"line {self.line}"
        return f"{place}: {self.reason}"
