from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cxcrm.base.deeds import UnknownDeed, deed_named
from cxcrm.base.enums import JobState, ProcessKind


class Job(models.Model):
    """A deed done to many rows on somebody's behalf, written by `base.jobs` alone.

    `position` is the cursor: of `subject_ids` that many are worked off. It moves in the
    transaction in which they were.
    """

    deed = models.CharField(_("deed"), max_length=40)
    parameters = models.JSONField(_("parameters"), default=dict)
    subject_ids = ArrayField(models.BigIntegerField(), verbose_name=_("chosen rows"))
    total = models.PositiveIntegerField(_("chosen"))
    position = models.PositiveIntegerField(_("worked off"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=JobState, default=JobState.WAITING)
    failures = models.PositiveSmallIntegerField(
        _("failures"), default=0, help_text=_("In a row; the job stops after a few.")
    )
    problem = models.CharField(_("problem"), max_length=200, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="jobs",
        verbose_name=_("started by"),
    )
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("bulk action")
        verbose_name_plural = _("bulk actions")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state"),
            models.CheckConstraint(
                condition=Q(position__lte=F("total"), refused__lte=F("position")),
                name="job_counts_fit",
            ),
            models.CheckConstraint(
                condition=Q(state=JobState.WAITING, finished_at__isnull=True)
                | ~Q(state=JobState.WAITING) & Q(finished_at__isnull=False),
                name="job_finished_has_time",
            ),
        ]
        indexes = [
            # What workers take: the job that has got least far first, so that none starves.
            models.Index(
                fields=["position", "id"],
                name="job_waiting",
                condition=Q(state=JobState.WAITING),
            ),
        ]

    def __str__(self) -> str:
        return str(self.label)

    @property
    def label(self) -> str | Promise:
        try:
            return deed_named(self.deed).label
        except UnknownDeed:
            return self.deed

    @property
    def is_waiting(self) -> bool:
        return self.state == JobState.WAITING

    @property
    def done(self) -> int:
        return self.position - self.refused


class JobRefusal(models.Model):
    """A row to which a job's deed could not be done, and why, in words for who started it."""

    job = models.ForeignKey(
        Job,
        models.CASCADE,
        related_name="refusals",
        db_index=False,  # the unique constraint begins with it
        verbose_name=_("bulk action"),
    )
    subject_id = models.BigIntegerField(_("row"))
    reason = models.TextField(_("reason"))

    class Meta:
        verbose_name = _("refusal")
        verbose_name_plural = _("refusals")
        constraints = [
            models.UniqueConstraint(fields=["job", "subject_id"], name="job_refuses_row_once")
        ]

    def __str__(self) -> str:
        return self.reason


class ProcessSeen(models.Model):
    """A worker or a beat that gave a sign of life, for the operators' page."""

    kind = models.CharField(_("kind"), max_length=10, choices=ProcessKind)
    name = models.CharField(_("name"), max_length=100, help_text=_("host:pid"))
    first_seen_at = models.DateTimeField(_("since"))
    seen_at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("process")
        verbose_name_plural = _("processes")
        constraints = [
            models.UniqueConstraint(fields=["kind", "name"], name="process_seen_once"),
            models.CheckConstraint(
                condition=Q(kind__in=ProcessKind.values), name="process_seen_kind"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class KeptAnswer(models.Model):
    """What the API answered to a POST, for whoever repeats it; written with what it did."""

    credential = models.CharField(_("key"), max_length=40)
    idempotency_key = models.CharField(_("Idempotency-Key"), max_length=255)
    fingerprint = models.CharField(_("fingerprint of the request"), max_length=64)
    status = models.PositiveSmallIntegerField(_("status"))
    headers = models.JSONField(_("headers"), default=dict)
    body = models.BinaryField(_("body"))
    created_at = models.DateTimeField(_("answered"), db_index=True)

    class Meta:
        verbose_name = _("kept answer")
        verbose_name_plural = _("kept answers")
        constraints = [
            models.UniqueConstraint(
                fields=["credential", "idempotency_key"], name="kept_answer_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.credential} {self.idempotency_key}"


class LimitCount(models.Model):
    """How often something happened in a minute."""

    bucket = models.CharField(_("what"), max_length=120)
    window_at = models.DateTimeField(_("minute"))
    count = models.PositiveIntegerField(_("count"))

    class Meta:
        verbose_name = _("count of a limit")
        verbose_name_plural = _("counts of limits")
        constraints = [
            models.UniqueConstraint(fields=["bucket", "window_at"], name="limit_count_once")
        ]
        indexes = [models.Index(fields=["window_at"], name="limit_count_old")]

    def __str__(self) -> str:
        return self.bucket
