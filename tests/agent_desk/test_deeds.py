"""What agents do in the dialogs: through the services, and refused without a trace."""

from datetime import date

import pytest
from django.urls import reverse

from accounts.enums import ContractState, TaskPool, TaskState, TimelineKind
from accounts.models import Contract, Task
from accounts.services.contracts import end_contract
from accounts.services.tasks import finish_task
from cxcrm.outbox.services import mark_bounced
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import NOW, ContractFactory, UserFactory

LAST_DAY = date(2026, 9, 30)


def submit(client, row, deed: str, **answers):
    options = row._meta
    url = reverse(f"admin:{options.app_label}_{options.model_name}_{deed}", args=[row.pk])
    return client.post(url, {"_form_submitted": "on", **answers}, headers={"HX-Request": "true"})


def kinds_of(contract: Contract) -> list[str]:
    return list(contract.timeline.order_by("id").values_list("kind", flat=True))


def test_agent_sets_the_last_day_of_a_contract(desk):
    contract = ContractFactory()
    client = desk(Role.AGENT)

    response = submit(client, contract, "set_last_day", ends_on=LAST_DAY.isoformat())

    page = reverse("admin:accounts_contract_change", args=[contract.pk])
    assert response["HX-Redirect"] == page
    contract.refresh_from_db()
    assert contract.ends_on == LAST_DAY
    event = contract.timeline.get(kind=TimelineKind.CONTRACT_END_SET)
    assert event.actor == client.user
    assert "The last day is set." in client.get(page).text


def test_last_day_in_the_past_is_refused_beside_its_field(desk):
    contract = ContractFactory()

    response = submit(desk(Role.AGENT), contract, "set_last_day", ends_on="2026-05-30")

    assert response.status_code == 200
    assert "The last day lies in the past." in response.context["form"].errors["ends_on"]
    assert "The last day lies in the past." in response.text
    contract.refresh_from_db()
    assert contract.ends_on is None
    assert kinds_of(contract) == [TimelineKind.CONTRACT_ADDED]


def test_last_day_that_is_no_day_is_refused(desk):
    contract = ContractFactory()

    response = submit(desk(Role.AGENT), contract, "set_last_day", ends_on="soon")

    assert response.context["form"].errors.keys() == {"ends_on"}
    assert kinds_of(contract) == [TimelineKind.CONTRACT_ADDED]


def test_agent_takes_an_end_back(desk):
    contract = ContractFactory()
    end_contract(contract_id=contract.pk, ends_on=LAST_DAY, at=NOW)

    submit(desk(Role.AGENT), contract, "take_end_back")

    contract.refresh_from_db()
    assert contract.ends_on is None
    assert kinds_of(contract)[-1] == TimelineKind.CONTRACT_END_TAKEN_BACK


def test_end_that_is_not_set_cannot_be_taken_back(desk):
    contract = ContractFactory()

    response = submit(desk(Role.AGENT), contract, "take_end_back")

    assert "No end is set for this contract." in response.text
    assert kinds_of(contract) == [TimelineKind.CONTRACT_ADDED]


def test_contract_offers_what_fits_its_state(desk):
    client = desk(Role.AGENT)
    contract = ContractFactory()
    url = reverse("admin:accounts_contract_change", args=[contract.pk])

    running = client.get(url).text
    end_contract(contract_id=contract.pk, ends_on=LAST_DAY, at=NOW)
    under_notice = client.get(url).text
    Contract.objects.update(state=ContractState.ENDED)
    over = client.get(url).text

    offered = [
        ("set_last_day/" in text, "take_end_back/" in text)
        for text in (running, under_notice, over)
    ]
    assert offered == [(True, False), (True, True), (False, False)]


@pytest.mark.parametrize("deed", ["set_last_day", "take_end_back", "add_task"])
def test_looking_at_a_dialog_writes_nothing(desk, deed):
    contract = ContractFactory()
    end_contract(contract_id=contract.pk, ends_on=LAST_DAY, at=NOW)
    url = reverse(f"admin:accounts_contract_{deed}", args=[contract.pk])

    assert desk(Role.AGENT).get(url).status_code == 200

    contract.refresh_from_db()
    assert contract.ends_on == LAST_DAY
    assert kinds_of(contract) == [TimelineKind.CONTRACT_ADDED, TimelineKind.CONTRACT_END_SET]


@pytest.mark.parametrize(("deed", "answers"), [("set_last_day", {"ends_on": "2026-09-30"})])
def test_executive_does_nothing_to_contracts(desk, deed, answers):
    contract = ContractFactory()

    assert submit(desk(Role.EXECUTIVE), contract, deed, **answers).status_code == 403

    contract.refresh_from_db()
    assert contract.ends_on is None


def test_deed_on_what_does_not_exist_is_not_found(desk):
    client = desk(Role.AGENT)
    url = "/desk/accounts/contract/{}/take_end_back/"

    for nothing in ("0", "abc"):
        response = client.post(url.format(nothing), {"_form_submitted": "on"})
        assert response.status_code == 404


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
    url = reverse("admin:accounts_contract_set_last_day", args=[contract.pk])

    response = desk(Role.AGENT).post(url, {"_form_submitted": "on", "ends_on": "2026-09-30"})

    assert response.status_code == 302
    assert response["Location"] == reverse("admin:accounts_contract_change", args=[contract.pk])
