"""What agents do in the dialogs: through the services, and refused without a trace."""

from django.urls import reverse

from accounts.enums import TaskPool, TaskState
from accounts.models import Task
from accounts.services.tasks import finish_task
from cxcrm.outbox.services import mark_bounced
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import NOW, ContractFactory, UserFactory


def submit(client, row, deed: str, **answers):
    options = row._meta
    url = reverse(f"admin:{options.app_label}_{options.model_name}_{deed}", args=[row.pk])
    return client.post(url, {"_form_submitted": "on", **answers}, headers={"HX-Request": "true"})


def test_agent_adds_a_task_for_the_pool(desk):
    contract = ContractFactory()
    client = desk(Role.AGENT)

    for row in (contract.account, contract):
        submit(client, row, "add_task", title="Call", due_on="2026-06-05", pool=TaskPool.BILLING)

    tasks = Task.objects.order_by("id").values_list("account", "contract", "title", "assignee")
    assert list(tasks) == [
        (contract.account_id, None, "Call", None),
        (contract.account_id, contract.pk, "Call", None),
    ]


def test_agent_takes_a_task_and_finishes_it(desk):
    task = rows.make_task(assignee=None)
    client = desk(Role.AGENT)

    submit(client, task, "take")
    submit(client, task, "done", result="All clear.")

    task.refresh_from_db()
    assert (task.assignee, task.done_by, task.done_at) == (client.user, client.user, NOW)
    assert (task.state, task.result) == (TaskState.DONE, "All clear.")


def test_task_that_somebody_has_taken_stays_theirs(desk):
    task = rows.make_task(assignee=None)
    first, second = desk(Role.AGENT), desk(Role.AGENT)
    submit(first, task, "take")

    response = submit(second, task, "take")

    assert "Somebody else has taken this task." in response.text
    task.refresh_from_db()
    assert task.assignee == first.user


def test_task_is_not_finished_without_a_result(desk):
    task = rows.make_task()

    response = submit(desk(Role.AGENT), task, "done", result=" ")

    assert response.context["form"].errors.keys() == {"result"}
    task.refresh_from_db()
    assert task.state == TaskState.OPEN


def test_task_that_is_done_is_not_taken(desk):
    task = rows.make_task()
    finish_task(task_id=task.pk, result="Done.", actor=None, at=NOW)
    before = task.assignee

    response = submit(desk(Role.AGENT), task, "take")

    assert "This task is done already." in response.text
    task.refresh_from_db()
    assert task.assignee == before


def test_lead_assigns_tasks_and_agents_do_not(desk):
    task = rows.make_task()
    before, colleague = task.assignee, UserFactory(role=Role.AGENT)

    refused = submit(desk(Role.AGENT), task, "assign", assignee=colleague.pk)
    task.refresh_from_db()
    kept = task.assignee
    submit(desk(Role.TEAM_LEAD), task, "assign", assignee=colleague.pk)
    task.refresh_from_db()

    assert (refused.status_code, kept, task.assignee) == (403, before, colleague)


def test_task_is_not_assigned_to_a_customers_login(desk):
    task = rows.make_task()
    customer = UserFactory()

    response = submit(desk(Role.TEAM_LEAD), task, "assign", assignee=customer.pk)

    assert response.context["form"].errors.keys() == {"assignee"}


def test_lead_revives_an_address_and_agents_do_not(desk):
    address = rows.make_address()
    mark_bounced(address_id=address.pk, reason="550 no such mailbox", at=NOW)

    refused = submit(desk(Role.AGENT), address, "revive")
    address.refresh_from_db()
    kept = address.bounced_at
    submit(desk(Role.TEAM_LEAD), address, "revive")
    address.refresh_from_db()

    assert (refused.status_code, kept, address.bounced_at) == (403, NOW, None)


def test_dialog_without_htmx_comes_back_to_the_page(desk):
    contract = ContractFactory()
    url = reverse("admin:accounts_contract_add_task", args=[contract.pk])
    answers = {"title": "Call", "due_on": "2026-06-05", "pool": TaskPool.BILLING}

    response = desk(Role.AGENT).post(url, {"_form_submitted": "on"} | answers)

    assert response.status_code == 302
    assert response["Location"] == reverse("admin:accounts_contract_change", args=[contract.pk])
