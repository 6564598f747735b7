from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.enums import ReminderState, TaskOrigin, TaskPool, TaskState, TimelineKind
from accounts.models import Account, Task, TimelineEvent
from accounts.sql.renewal_tasks import DATE, RenewalTask
from accounts.sql.tasks import insert_tasks
from cxcrm.base.deeds import Outcome, sorted_out
from cxcrm.base.errors import DomainError
from cxcrm.users.models import User

_RENEWAL_ORIGINS = {
    ReminderState.TOO_LATE: TaskOrigin.REMINDER_TOO_LATE,
    ReminderState.NOBODY: TaskOrigin.REMINDER_NOBODY,
    ReminderState.UNDELIVERED: TaskOrigin.REMINDER_NOT_DELIVERED,
}


class TaskIsDone(DomainError):
    code = "task_is_done"


class TaskIsTaken(DomainError):
    code = "task_is_taken"


class NoSuchAssignee(DomainError):
    code = "no_such_assignee"


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
    task = Task(
        account_id=account_id,
        contract_id=contract_id,
        title=title,
        due_on=due_on,
        pool=pool,
        assignee=assignee,
        created_at=at,
    )
    with transaction.atomic():
        _insert_by_hand([task], at, actor)
    return task


def open_tasks(tasks: Sequence[Task]) -> None:
    """Insert tasks that the system opens, each once per `origin` and `origin_key`."""
    insert_tasks(
        account_ids=[task.account_id for task in tasks],
        contract_ids=[task.contract_id for task in tasks],
        titles=[task.title for task in tasks],
        due_days=[task.due_on for task in tasks],
        pools=[task.pool for task in tasks],
        origins=[task.origin for task in tasks],
        origin_keys=[task.origin_key for task in tasks],
        opened=[task.created_at for task in tasks],
    )


def open_tasks_many(
    *,
    ids: Sequence[int],
    title: str,
    due_on: date,
    pool: TaskPool,
    at: datetime,
    actor=None,
) -> Outcome:
    """Open the same task for each of these accounts; notes it on their timelines."""
    found = Account.objects.filter(pk__in=ids).values_list("pk", flat=True)
    outcome = sorted_out(ids, dict.fromkeys(found))
    with transaction.atomic():
        _insert_by_hand(
            [
                Task(account_id=account_id, title=title, due_on=due_on, pool=pool, created_at=at)
                for account_id in outcome.done
            ],
            at,
            actor,
        )
    return outcome


def take_task(*, task_id: int, at: datetime, actor) -> None:
    """Take an open task out of its pool. Raises TaskIsDone, TaskIsTaken by somebody else."""
    take_tasks_many(ids=[task_id], at=at, actor=actor).raise_refusal_of(task_id)


def take_tasks_many(*, ids: Sequence[int], at: datetime, actor) -> Outcome:
    """Take open tasks out of their pools; what somebody else has taken stays theirs."""

    def refusal(task: Task) -> DomainError | None:
        if task.assignee_id not in (None, actor.pk):
            return TaskIsTaken(_("Somebody else has taken this task."))
        return None

    with transaction.atomic():
        tasks, outcome = _lock_open_tasks(ids, refusal)
        Task.objects.filter(pk__in=tasks).update(assignee=actor)
    return outcome


def assign_task(*, task_id: int, assignee_id: int | None, at: datetime, actor=None) -> None:
    """Give an open task to somebody, or back to its pool with None. Raises TaskIsDone,
    NoSuchAssignee (field `assignee`)."""
    assign_tasks_many(ids=[task_id], assignee_id=assignee_id, at=at, actor=actor).raise_refusal_of(
        task_id
    )


def assign_tasks_many(
    *, ids: Sequence[int], assignee_id: int | None, at: datetime, actor=None
) -> Outcome:
    """Give open tasks to a member of staff, or back to their pools with None."""
    away = assignee_id is not None and not User.objects.staff().filter(pk=assignee_id).exists()

    def refusal(task: Task) -> DomainError | None:
        if away:
            return NoSuchAssignee(_("This person does not work here any more."), field="assignee")
        return None

    with transaction.atomic():
        tasks, outcome = _lock_open_tasks(ids, refusal)
        Task.objects.filter(pk__in=tasks).update(assignee_id=assignee_id)
    return outcome


def finish_task(*, task_id: int, result: str, at: datetime, actor) -> None:
    """Close an open task with what came of it; notes it on the timeline. Raises TaskIsDone."""
    finish_tasks_many(ids=[task_id], result=result, at=at, actor=actor).raise_refusal_of(task_id)


def finish_tasks_many(*, ids: Sequence[int], result: str, at: datetime, actor) -> Outcome:
    """Close open tasks with what came of them; notes each on its account's timeline."""
    with transaction.atomic():
        tasks, outcome = _lock_open_tasks(ids)
        Task.objects.filter(pk__in=tasks).update(
            state=TaskState.DONE, result=result, done_at=at, done_by=actor
        )
        _note(TimelineKind.TASK_DONE, tasks.values(), at, actor, result=result)
    return outcome


def lock_task(task_id: int) -> None:
    """Lock a task until the end of the transaction."""
    Task.objects.select_for_update().get(pk=task_id)


def finish_renewal_tasks(
    *, contract_id: int, renewal_date: date, result: str, at: datetime, actor=None
) -> None:
    """Close the open tasks about a renewal that the customer could not be told of."""
    open_ones = Task.objects.open().filter(
        origin__in=_RENEWAL_ORIGINS.values(), origin_key=f"{contract_id}:{renewal_date}"
    )
    ids = list(open_ones.values_list("pk", flat=True))
    finish_tasks_many(ids=ids, result=result, at=at, actor=actor)


def renewal_tasks() -> list[RenewalTask]:
    """The tasks about renewals that the customer could not be told of by mail."""
    titles = {
        (ReminderState.TOO_LATE, False): _(
            "Call: the renewal on %(date)s was not announced in time"
        ),
        (ReminderState.TOO_LATE, True): _(
            "Call: nobody decided whether to tell that the contract has not renewed on %(date)s"
        ),
        (ReminderState.NOBODY, False): _(
            "Find a contact: nobody can be told of the renewal on %(date)s"
        ),
        (ReminderState.NOBODY, True): _(
            "Find a contact: nobody can be told that the contract has not renewed on %(date)s"
        ),
        (ReminderState.UNDELIVERED, False): _(
            "Call: the mail about the renewal on %(date)s was not delivered"
        ),
        (ReminderState.UNDELIVERED, True): _(
            "Call: the mail that the contract has not renewed on %(date)s was not delivered"
        ),
    }
    return [
        RenewalTask(
            state=state,
            is_over=is_over,
            origin=_RENEWAL_ORIGINS[state],
            title=title % {"date": DATE},
        )
        for (state, is_over), title in titles.items()
    ]


def _lock_open_tasks(
    ids: Sequence[int], refusal: Callable[[Task], DomainError | None] = lambda task: None
) -> tuple[dict[int, Task], Outcome]:
    """The tasks that are open and not refused otherwise, locked, and what becomes of `ids`."""
    tasks = Task.objects.select_for_update().filter(pk__in=ids).order_by("pk").in_bulk()
    outcome = sorted_out(
        ids,
        {
            task.pk: refusal(task)
            if task.state == TaskState.OPEN
            else TaskIsDone(_("This task is done already."))
            for task in tasks.values()
        },
    )
    return {task_id: tasks[task_id] for task_id in outcome.done}, outcome


def _insert_by_hand(tasks: list[Task], at: datetime, actor) -> None:
    Task.objects.bulk_create(tasks)
    _note(TimelineKind.TASK_OPENED, tasks, at, actor)


def _note(kind: TimelineKind, tasks: Iterable[Task], at: datetime, actor, **facts: str) -> None:
    TimelineEvent.objects.bulk_create(
        TimelineEvent(
            account_id=task.account_id,
            contract_id=task.contract_id,
            kind=kind,
            occurred_at=at,
            actor=actor,
            facts={"task": task.pk, "title": task.title, **facts},
        )
        for task in tasks
    )
