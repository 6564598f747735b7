from datetime import date

import pytest

from accounts.enums import TaskPool, TaskState
from accounts.models import Task
from accounts.services.tasks import finish_task, open_task
from tests.api.answers import MOST_QUERIES
from tests.factories import NOW, AccountFactory, BrandFactory, ContractFactory, UserFactory


@pytest.fixture(autouse=True)
def clock_stands(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def api(make_api_client):
    return make_api_client("tasks:read", "tasks:write")


@pytest.fixture
def contract():
    account = AccountFactory(brand=BrandFactory(code="sun"), external_id="K-7")
    return ContractFactory(account=account, external_id="V-1")


def task_for(account=None, **details) -> Task:
    details = {"title": "Call back", "due_on": date(2026, 6, 3), "pool": TaskPool.SERVICE} | details
    account = account or AccountFactory()
    return open_task(account_id=account.pk, at=NOW, **details)


def new_task(**changes):
    body = {
        "brand": "sun",
        "account_external_id": "K-7",
        "contract_external_id": "V-1",
        "title": "Call back",
        "due_on": "2026-06-03",
        "pool": "service",
    }
    return body | changes


def ids(response) -> list[int]:
    return [row["id"] for row in response.json()["results"]]


def refusal(response) -> tuple[int, list[tuple[str, str]]]:
    error = response.json()["error"]
    faults = [(fault["field"], fault["code"]) for fault in error["fields"]]
    return response.status_code, faults or error["code"]


def test_task_is_opened_and_shown(api, contract):
    response = api.post("tasks/", new_task())
    assert response.status_code == 201
    task = Task.objects.get()
    assert response.json() == {
        "id": task.pk,
        "title": "Call back",
        "brand": "sun",
        "account": contract.account_id,
        "account_external_id": "K-7",
        "contract": contract.pk,
        "contract_external_id": "V-1",
        "due_on": "2026-06-03",
        "pool": "service",
        "state": "open",
        "assignee": None,
        "origin": "by_hand",
        "result": "",
        "created_at": "2026-06-01T10:00:00Z",
        "done_at": None,
    }
    assert response["Location"].endswith(f"/api/v1/tasks/{task.pk}/")
    assert api.get(f"tasks/{task.pk}/").json() == response.json()
    assert contract.account.timeline.get(kind="task_opened").actor.is_machine


@pytest.mark.parametrize("body", [new_task(contract_external_id=None), new_task()])
def test_task_may_be_about_no_contract(api, contract, body):
    assert api.post("tasks/", body).json()["contract_external_id"] == body["contract_external_id"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"brand": "moon"}, ("brand", "not_found")),
        ({"account_external_id": "K-8"}, ("account_external_id", "not_found")),
        ({"contract_external_id": "V-2"}, ("contract_external_id", "not_found")),
        ({"title": ""}, ("title", "blank")),
        ({"title": "x" * 201}, ("title", "max_length")),
        ({"title": "Call\x07"}, ("title", "control_character")),
        ({"due_on": "tomorrow"}, ("due_on", "invalid")),
        ({"pool": "sauna"}, ("pool", "invalid_choice")),
        ({"state": "done"}, ("state", "unknown")),
        ({"origin": "by_hand"}, ("origin", "unknown")),
    ],
)
def test_task_that_does_not_fit_is_refused_by_field(api, contract, changes, fault):
    ContractFactory(account=AccountFactory(brand=contract.brand), external_id="V-2")
    assert refusal(api.post("tasks/", new_task(**changes))) == (422, [fault])
    assert not Task.objects.exists()


def test_task_is_finished_once_with_what_came_of_it(api):
    task = task_for()
    response = api.post(f"tasks/{task.pk}/finish/", {"result": "Reached"})
    assert response.status_code == 200
    shown = response.json()
    assert (shown["state"], shown["result"], shown["done_at"]) == (
        "done",
        "Reached",
        "2026-06-01T10:00:00Z",
    )
    again = api.post(f"tasks/{task.pk}/finish/", {"result": "Again"})
    assert refusal(again) == (409, "task_is_done")
    task.refresh_from_db()
    assert (task.result, task.done_by.is_machine) == ("Reached", True)


def test_task_goes_to_a_member_of_staff_and_back(api):
    agent = UserFactory(role="Service agent", email="ada@cxcrm.test")
    task = task_for()
    path = f"tasks/{task.pk}/assign/"
    assert api.post(path, {"assignee": "Ada@cxcrm.test"}).json()["assignee"] == "ada@cxcrm.test"
    task.refresh_from_db()
    assert task.assignee == agent
    assert api.post(path, {"assignee": None}).json()["assignee"] is None


def test_nobody_but_staff_is_given_a_task(api):
    UserFactory(email="rosa@customers.example")
    task = task_for()
    for stranger in ("rosa@customers.example", "nobody@cxcrm.test"):
        refused = api.post(f"tasks/{task.pk}/assign/", {"assignee": stranger})
        assert refusal(refused) == (422, [("assignee", "not_found")])
    assert refusal(api.post(f"tasks/{task.pk}/assign/", {})) == (422, [("assignee", "required")])
    task.refresh_from_db()
    assert task.assignee is None


def test_task_of_another_brand_does_not_exist(make_api_client, contract):
    mine, foreign = task_for(), task_for(contract.account)
    api = make_api_client("tasks:read", "tasks:write", brands=[mine.account.brand])
    assert ids(api.get("tasks/")) == [mine.pk]
    assert api.get(f"tasks/{foreign.pk}/").status_code == 404
    assert api.post(f"tasks/{foreign.pk}/finish/", {"result": "x"}).status_code == 404
    assert api.post(f"tasks/{foreign.pk}/assign/", {"assignee": None}).status_code == 404
    assert refusal(api.post("tasks/", new_task())) == (422, [("brand", "not_found")])
    foreign.refresh_from_db()
    assert foreign.state == TaskState.OPEN


def test_filters_find_the_one_and_leave_out_the_other(api, contract):
    other = task_for(title="Write", due_on=date(2026, 6, 9))
    wanted = task_for(contract.account, contract_id=contract.pk, pool=TaskPool.BILLING)
    for query in (
        {"brand": "sun"},
        {"account": contract.account_id},
        {"contract": contract.pk},
        {"pool": "billing"},
        {"due_before": "2026-06-09"},
        {"search": "K-7"},
        {"search": "call"},
    ):
        assert ids(api.get("tasks/", **query)) == [wanted.pk], query
    finish_task(task_id=other.pk, result="Done", at=NOW, actor=None)
    assert ids(api.get("tasks/", state="open")) == [wanted.pk]
    assert ids(api.get("tasks/", state="done", origin="by_hand")) == [other.pk]
    assert ids(api.get("tasks/", origin="reminder_nobody")) == []


def test_by_day_come_the_open_tasks_alone(api):
    late, early, done = (
        task_for(due_on=date(2026, 6, 5)),
        task_for(due_on=date(2026, 6, 4)),
        task_for(),
    )
    finish_task(task_id=done.pk, result="Done", at=NOW, actor=None)
    first = api.get("tasks/", order="due_on", limit=1)
    assert ids(first) == [early.pk]
    assert ids(api.get(first.json()["next"])) == [late.pk]


def test_a_list_costs_as_many_queries_for_three_rows_as_for_one(
    make_api_client, django_assert_max_num_queries
):
    api = make_api_client("tasks:read", "customers:read")

    def add() -> None:
        manager, agent = (UserFactory(role="Service agent") for _ in range(2))
        contract = ContractFactory(account=AccountFactory(account_manager=manager))
        task_for(contract.account, contract_id=contract.pk, assignee=agent)

    add()
    api.get("tasks/")  # notes when the key was last used
    with django_assert_max_num_queries(MOST_QUERIES) as one:
        api.get("tasks/", expand="account")
    for _number in range(2):
        add()
    with django_assert_max_num_queries(len(one)):
        assert len(ids(api.get("tasks/", expand="account"))) == 3


def test_task_is_changed_by_its_deeds_alone(api):
    task = task_for()
    assert api.patch(f"tasks/{task.pk}/", {"title": "Other"}).status_code == 405


def test_account_is_expanded_for_keys_that_may_read_customers(api):
    task_for()
    assert api.get("tasks/", expand="account").status_code == 403
