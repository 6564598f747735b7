import pghistory
from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.enums import ImportKind, ImportState, IssueSeverity


class ImportRun(models.Model):
    """One run of a feed: what was read, what came of it, and which rows were refused."""

    kind = models.CharField(
        _("kind"), max_length=13, choices=ImportKind, default=ImportKind.CONTRACTS
    )
    file_name = models.CharField(_("file"), max_length=255)
    file_sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)
    mapping = models.CharField(_("mapping"), max_length=255)
    mapping_content = models.JSONField(
        _("mapping as used"), null=True, help_text=_("What the mapping said when it was used.")
    )
    brand = models.ForeignKey(
        "accounts.Brand",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("brand"),
        help_text=_("Of all rows, where no column says it."),
    )
    as_of = models.DateField(_("as of"))
    is_dry_run = models.BooleanField(_("dry run"), default=False)
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
    step = models.CharField(_("step"), max_length=40, blank=True)
    steps_done = models.BigIntegerField(_("done so far"), default=0)
    steps_total = models.BigIntegerField(_("of"), default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, db_default=0)
    rows_refused = models.PositiveIntegerField(_("rows refused"), default=0)
    contradictions = models.PositiveIntegerField(_("contradictions"), default=0)
    counts = models.JSONField(
        _("counts"), default=dict, help_text=_("Per kind of thing: added, changed, unchanged.")
    )

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [
            models.Index(
                fields=["id"],
                name="import_to_run",
                condition=models.Q(state__in=ImportState.UNDER_WAY),
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_open(self) -> bool:
        return self.state in ImportState.OPEN

    @property
    def is_under_way(self) -> bool:
        return self.state in ImportState.UNDER_WAY


class ImportChunk(models.Model):
    """A piece of an uploaded file. Files travel through the database, so that the desk and the
    workers may stand on different machines; they are removed when the import is over."""

    run = models.ForeignKey(
        "accounts.ImportRun",
        models.CASCADE,
        related_name="chunks",
        db_index=False,  # the unique constraint begins with it
        verbose_name=_("import"),
    )
    position = models.PositiveIntegerField(_("position"))
    content = models.BinaryField(_("content"))

    class Meta:
        verbose_name = _("piece of a file")
        verbose_name_plural = _("pieces of files")
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="import_chunk_once"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}, {self.position}"


@pghistory.track(pghistory.UpdateEvent(row=pghistory.Old), pghistory.DeleteEvent())
class ImportMapping(models.Model):
    """A mapping saved at the desk: what a TOML file of a mapping says, as JSON."""

    name = models.SlugField(_("name"), unique=True)
    kind = models.CharField(_("kind"), max_length=13, choices=ImportKind)
    content = models.JSONField(_("content"))
    saved_at = models.DateTimeField(_("saved"))
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("saved by"),
    )

    class Meta:
        verbose_name = _("saved mapping")
        verbose_name_plural = _("saved mappings")

    def __str__(self) -> str:
        return self.name


class ImportIssue(models.Model):
    """Why a row of a feed was refused, or where what came in contradicts something; without a
    field the whole row, on line 0 the whole file."""

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
    severity = models.CharField(
        _("severity"),
        max_length=13,
        choices=IssueSeverity,
        default=IssueSeverity.REFUSED,
        db_default=IssueSeverity.REFUSED,
    )

    class Meta:
        verbose_name = _("finding of an import")
        verbose_name_plural = _("findings of imports")
        constraints = [
            models.UniqueConstraint(
                fields=["run", "line", "field"], name="import_issue_once_per_field"
            )
        ]

    def __str__(self) -> str:
        place = f"line {self.line}, {self.field}" if self.field else f"line {self.line}"
        return f"{place}: {self.reason}"
