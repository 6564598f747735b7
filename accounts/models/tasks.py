import pghistory
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.enums import TaskOrigin, TaskPool, TaskState
from accounts.querysets.tasks import TaskQuerySet


@pghistory.track(pghistory.UpdateEvent(row=pghistory.Old), pghistory.DeleteEvent())
class Task(models.Model):
    """Something that an agent has to do for an account."""

    account = models.ForeignKey(
        "accounts.Account", models.CASCADE, related_name="tasks", verbose_name=_("account")
    )
    contract = models.ForeignKey(
        "accounts.Contract",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="tasks",
        verbose_name=_("contract"),
    )
    title = models.CharField(_("what"), max_length=200)
    due_on = models.DateField(_("due on"))
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        limit_choices_to={"is_staff": True},
        related_name="tasks",
        verbose_name=_("assignee"),
        help_text=_("Empty: whoever in the pool takes it."),
    )
    pool = models.CharField(_("pool"), max_length=10, choices=TaskPool)
    origin = models.CharField(
        _("origin"), max_length=30, choices=TaskOrigin, default=TaskOrigin.BY_HAND, editable=False
    )
    origin_key = models.CharField(max_length=80, blank=True, editable=False)
    state = models.CharField(
        _("state"), max_length=5, choices=TaskState, default=TaskState.OPEN, editable=False
    )
    result = models.TextField(_("result"), blank=True, editable=False)
    created_at = models.DateTimeField(_("opened"), editable=False)
    done_at = models.DateTimeField(_("done"), null=True, editable=False)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("done by"),
    )

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        constraints = [
            models.UniqueConstraint(
                fields=["origin", "origin_key"],
                condition=~Q(origin_key=""),
                name="task_once_per_origin",
            ),
            models.CheckConstraint(
                condition=Q(state=TaskState.OPEN, done_at__isnull=True)
                | Q(state=TaskState.DONE, done_at__isnull=False),
                name="task_done_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_on", "id"], name="task_open", condition=Q(state=TaskState.OPEN)
            ),
        ]

    def __str__(self) -> str:
        return self.title
