from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.enums import TaskOrigin, TaskPool, TaskState, TimelineKind
from accounts.models import Task
from accounts.services.timeline import record_event
from cxcrm.base.errors import DomainError


class TaskIsDone(DomainError):
    code = "task_is_done"


class TaskIsTaken(DomainError):
    code = "task_is_taken"


def open_task(
    *,
    account_id: int,
    title: str,
    due_on: date,
    pool: TaskPool,
    at: datetime,
    contract_id: int | None = None,
    assignee=None,
    actor=None,
) -> Task:
    """Open a task by hand; notes it on the timeline."""
    with transaction.atomic():
        task = Task.objects.create(
            account_id=account_id,
            contract_id=contract_id,
            title=title,
            due_on=due_on,
            pool=pool,
            assignee=assignee,
            created_at=at,
        )
        record_event(
            account_id=account_id,
            contract_id=contract_id,
            kind=TimelineKind.TASK_OPENED,
            actor=actor,
            at=at,
            task=task.pk,
            title=title,
        )
    return task


def open_tasks(tasks: Sequence[Task]) -> None:
    """Insert tasks that the system opens, each once per `origin` and `origin_key`."""
    Task.objects.bulk_create(tasks, batch_size=1_000, ignore_conflicts=True)


def take_task(*, task_id: int, actor) -> Task:
    """Take an open task out of its pool. Raises TaskIsDone, TaskIsTaken by somebody else."""
    with transaction.atomic():
        task = _lock_open_task(task_id)
        if task.assignee_id not in (None, actor.pk):
            raise TaskIsTaken(_("Somebody else has taken this task."))
        task.assignee = actor
        task.save(update_fields=["assignee"])
    return task


def assign_task(*, task_id: int, assignee) -> Task:
    """Give an open task to somebody, or back to its pool with None. Raises TaskIsDone."""
    with transaction.atomic():
        task = _lock_open_task(task_id)
        task.assignee = assignee
        task.save(update_fields=["assignee"])
    return task


def finish_task(*, task_id: int, result: str, actor, at: datetime) -> Task:
    """Close an open task with what came of it; notes it on the timeline. Raises TaskIsDone."""
    with transaction.atomic():
        task = _lock_open_task(task_id)
        task.state = TaskState.DONE
        task.result = result
        task.done_at = at
        task.done_by = actor
        task.save(update_fields=["state", "result", "done_at", "done_by"])
        record_event(
            account_id=task.account_id,
            contract_id=task.contract_id,
            kind=TimelineKind.TASK_DONE,
            actor=actor,
            at=at,
            task=task.pk,
            title=task.title,
            result=result,
        )
    return task


def renewal_task(
    *,
    account_id: int,
    contract_id: int,
    origin: TaskOrigin,
    renewal_date: date,
    due_on: date,
    at: datetime,
) -> Task:
    """An unsaved task about a renewal that the customer could not be reminded of by mail."""
    titles = {
        TaskOrigin.REMINDER_TOO_LATE: _("Call: the renewal on %(date)s was not announced in time"),
        TaskOrigin.REMINDER_NOBODY: _(
            "Find a contact: nobody can be told of the renewal on %(date)s"
        ),
        TaskOrigin.REMINDER_NOT_DELIVERED: _(
            "Call: the mail about the renewal on %(date)s was not delivered"
        ),
    }
    return Task(
        account_id=account_id,
        contract_id=contract_id,
        title=titles[origin] % {"date": renewal_date.isoformat()},
        due_on=due_on,
        pool=TaskPool.RETENTION,
        origin=origin,
        origin_key=f"{contract_id}:{renewal_date.isoformat()}",
        created_at=at,
    )


def _lock_open_task(task_id: int) -> Task:
    task = Task.objects.select_for_update().get(pk=task_id)
    if task.state != TaskState.OPEN:
        raise TaskIsDone(_("This task is done already."))
    return task
