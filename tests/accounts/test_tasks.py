"""Tasks, one and many: the rule stands once."""

from datetime import date

import pytest

from accounts.enums import TaskOrigin, TaskPool, TaskState, TimelineKind
from accounts.models import Task
from accounts.services.account_managers import NoSuchManager, assign_accounts_many
from accounts.services.tasks import (
    NoSuchAssignee,
    TaskIsDone,
    TaskIsTaken,
    assign_task,
    assign_tasks_many,
    finish_task,
    finish_tasks_many,
    open_tasks,
    open_tasks_many,
    take_task,
    take_tasks_many,
)
from cxcrm.base.deeds import NotThere
from cxcrm.users.enums import Role
from tests.factories import NOW, AccountFactory, ContractFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return UserFactory(role=Role.AGENT)


@pytest.fixture
def tasks() -> list[Task]:
    brand = AccountFactory().brand
    ids = [account.pk for account in AccountFactory.create_batch(3, brand=brand)]
    open_tasks_many(ids=ids, title="Call", due_on=date(2026, 6, 5), pool=TaskPool.SERVICE, at=NOW)
    return list(Task.objects.order_by("id"))


def ids_of(tasks: list[Task]) -> list[int]:
    return [task.pk for task in tasks]


def test_tasks_are_taken_where_nobody_has_them(tasks, agent):
    other = UserFactory(role=Role.AGENT)
    Task.objects.filter(pk=tasks[1].pk).update(assignee=other)
    finish_task(task_id=tasks[2].pk, result="Done.", actor=other, at=NOW)
    gone = tasks[2].pk + 1

    outcome = take_tasks_many(ids=[*ids_of(tasks), gone], at=NOW, actor=agent)

    assert outcome.done == [tasks[0].pk]
    assert {key: type(refusal) for key, refusal in outcome.refused.items()} == {
        tasks[1].pk: TaskIsTaken,
        tasks[2].pk: TaskIsDone,
        gone: NotThere,
    }
    found = Task.objects.order_by("id").values_list("assignee", flat=True)
    assert list(found) == [agent.pk, other.pk, None]


def test_one_is_refused_as_one_of_many(tasks, agent):
    take_task(task_id=tasks[0].pk, at=NOW, actor=UserFactory(role=Role.AGENT))

    with pytest.raises(TaskIsTaken):
        take_task(task_id=tasks[0].pk, at=NOW, actor=agent)


def test_tasks_go_to_somebody_and_back_to_their_pool(tasks, agent):
    assign_tasks_many(ids=ids_of(tasks), assignee_id=agent.pk, at=NOW)
    given = set(Task.objects.values_list("assignee", flat=True))
    assign_tasks_many(ids=ids_of(tasks), assignee_id=None, at=NOW)

    assert given == {agent.pk}
    assert set(Task.objects.values_list("assignee", flat=True)) == {None}


@pytest.mark.parametrize("details", [{"role": None}, {"role": Role.AGENT, "is_active": False}])
def test_task_is_not_given_to_who_does_not_work_here(tasks, details):
    nobody = UserFactory(**details)

    with pytest.raises(NoSuchAssignee) as refusal:
        assign_task(task_id=tasks[0].pk, assignee_id=nobody.pk, at=NOW)

    assert refusal.value.field == "assignee"
    tasks[0].refresh_from_db()
    assert tasks[0].assignee is None


def test_tasks_are_finished_with_one_result(tasks, agent):
    outcome = finish_tasks_many(ids=ids_of(tasks), result="Solved.", at=NOW, actor=agent)
    again = finish_tasks_many(ids=ids_of(tasks), result="Again.", at=NOW, actor=None)

    assert (outcome.done, again.done) == (ids_of(tasks), [])
    found = set(Task.objects.values_list("state", "result", "done_at", "done_by"))
    assert found == {(TaskState.DONE, "Solved.", NOW, agent.pk)}
    for task in tasks:
        event = task.account.timeline.get(kind=TimelineKind.TASK_DONE)
        assert event.facts == {"task": task.pk, "title": "Call", "result": "Solved."}
        assert event.actor == agent


def test_many_take_as_many_queries_as_one(tasks, agent, django_assert_num_queries):
    for ids in (ids_of(tasks)[:1], ids_of(tasks)[1:]):
        with django_assert_num_queries(5):  # savepoint, lock, update, events, savepoint
            finish_tasks_many(ids=ids, result="Solved.", at=NOW, actor=agent)


def test_task_of_the_system_is_opened_once():
    contract = ContractFactory()
    task = Task(
        account=contract.account,
        contract=contract,
        title="Decide",
        origin=TaskOrigin.CANCELLATION_TO_DECIDE,
        origin_key="7",
        pool=TaskPool.RETENTION,
        due_on=date(2026, 12, 1),
        created_at=NOW,
    )

    for _ in range(2):
        open_tasks([task])
    open_tasks([])

    found = Task.objects.get()
    assert (found.account, found.contract, found.state) == (
        contract.account,
        contract,
        TaskState.OPEN,
    )
    assert (found.title, found.origin, found.origin_key) == (
        "Decide",
        TaskOrigin.CANCELLATION_TO_DECIDE,
        "7",
    )
    assert (found.due_on, found.created_at, found.pool) == (
        date(2026, 12, 1),
        NOW,
        TaskPool.RETENTION,
    )


def test_accounts_get_a_manager_and_their_history_keeps_the_former(agent):
    accounts = AccountFactory.create_batch(2, brand=AccountFactory().brand, account_manager=agent)
    successor = UserFactory(role=Role.AGENT)
    ids = [account.pk for account in accounts]

    outcome = assign_accounts_many(ids=[*ids, 0], account_manager_id=successor.pk, at=NOW)

    assert outcome.done == ids
    assert isinstance(outcome.refused[0], NotThere)
    for account in accounts:
        account.refresh_from_db()
        assert account.account_manager == successor
        assert account.timeline.count() == 0
        history = type(account).pgh_event_model.objects.filter(pgh_obj_id=account.pk)
        assert [event.account_manager_id for event in history] == [agent.pk]


def test_accounts_are_not_given_to_who_does_not_work_here():
    account, customer = AccountFactory(), UserFactory()

    outcome = assign_accounts_many(ids=[account.pk], account_manager_id=customer.pk, at=NOW)

    assert isinstance(outcome.refused[account.pk], NoSuchManager)
    account.refresh_from_db()
    assert account.account_manager is None
