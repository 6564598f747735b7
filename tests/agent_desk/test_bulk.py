"""Deeds done to the rows ticked in a list: asked first, then done, and told what was refused."""

import pytest
from django.urls import reverse

from accounts.enums import ReminderState, TaskState
from accounts.models import Account, RenewalReminder, Task
from cxcrm.base import jobs
from cxcrm.base.admin import BoundedPaginator
from cxcrm.base.clock import instant_on
from cxcrm.base.enums import JobState
from cxcrm.base.jobs import work_off_jobs
from cxcrm.base.models import Job
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import NOW, AccountFactory, ContactFactory, ContractFactory, UserFactory

TASKS = "admin:accounts_task_changelist"
ACCOUNTS = "admin:accounts_account_changelist"


def choose(client, name: str, deed: str, chosen, *, query: str = "", **answers):
    """Tick the rows and run the deed; with answers also submit the page that asks."""
    data = {"action": deed, "index": "0", "_selected_action": [row.pk for row in chosen]}
    return client.post(reverse(name) + query, data | answers)


def confirm(client, name: str, deed: str, chosen, **answers):
    return choose(client, name, deed, chosen, _form_submitted="on", **answers)


def offered(client, name: str) -> list[str]:
    form = client.get(reverse(name)).context["action_form"]
    return [deed for deed, _label in form.fields["action"].choices if deed] if form else []


def test_tasks_offer_what_the_role_may_do(desk):
    rows.make_task()

    assert offered(desk(Role.AGENT), TASKS) == ["take_tasks", "finish_tasks"]
    assert offered(desk(Role.TEAM_LEAD), TASKS) == ["take_tasks", "assign_tasks", "finish_tasks"]


def test_accounts_offer_what_the_role_may_do(desk):
    AccountFactory()

    assert offered(desk(Role.AGENT), ACCOUNTS) == ["open_tasks"]
    assert offered(desk(Role.TEAM_LEAD), ACCOUNTS) == ["open_tasks", "assign_accounts"]
    assert offered(desk(Role.EXECUTIVE), ACCOUNTS) == []


def test_nothing_is_done_before_it_is_confirmed(desk):
    tasks = [rows.make_task(assignee=None) for _ in range(2)]

    response = choose(desk(Role.AGENT), TASKS, "take_tasks", tasks)

    assert response.status_code == 200
    assert "It will be done to 2 chosen rows." in response.text
    assert set(Task.objects.values_list("assignee", flat=True)) == {None}
    assert Job.objects.count() == 0


def test_agent_takes_several_tasks(desk):
    tasks = [rows.make_task(assignee=None) for _ in range(3)]
    client = desk(Role.AGENT)

    response = confirm(client, TASKS, "take_tasks", tasks[:2], query="?show=nobody")

    assert response["Location"].endswith("?show=nobody")
    found = Task.objects.order_by("id").values_list("assignee", flat=True)
    assert list(found) == [client.user.pk, client.user.pk, None]
    assert "Done: 2 rows." in client.get(response["Location"]).text


def test_what_was_refused_is_shown_with_its_reason(desk):
    free, taken = rows.make_task(assignee=None), rows.make_task()
    client = desk(Role.AGENT)

    response = confirm(client, TASKS, "take_tasks", [free, taken])

    job = Job.objects.get()
    assert response["Location"] == reverse("admin:base_job_change", args=[job.pk])
    page = client.get(response["Location"])
    assert "Somebody else has taken this task." in page.text
    assert reverse("admin:accounts_task_change", args=[taken.pk]) in page.text
    assert reverse("admin:accounts_task_change", args=[free.pk]) not in page.text


def test_form_of_a_deed_is_checked(desk):
    task = rows.make_task()

    response = confirm(desk(Role.AGENT), TASKS, "finish_tasks", [task], result=" ")

    assert response.context["form"].errors.keys() == {"result"}
    task.refresh_from_db()
    assert task.state == TaskState.OPEN


def test_lead_gives_accounts_to_a_manager(desk):
    accounts, manager = AccountFactory.create_batch(2), UserFactory(role=Role.AGENT)

    confirm(desk(Role.TEAM_LEAD), ACCOUNTS, "assign_accounts", accounts, account_manager=manager.pk)

    assert set(Account.objects.values_list("account_manager", flat=True)) == {manager.pk}


def test_deed_that_the_role_may_not_do_is_not_done(desk):
    account, manager = AccountFactory(), UserFactory(role=Role.AGENT)

    response = confirm(
        desk(Role.AGENT), ACCOUNTS, "assign_accounts", [account], account_manager=manager.pk
    )

    assert response.status_code == 302
    account.refresh_from_db()
    assert account.account_manager is None


@pytest.mark.parametrize(
    "ids", [["abc"], ["1 OR 1=1"], ["-1"], ["99999999999999999999"], ["9" * 5_000]]
)
def test_rows_that_are_none_are_not_acted_upon(desk, ids):
    rows.make_task(assignee=None)
    data = {"action": "take_tasks", "index": "0", "_selected_action": ids, "_form_submitted": "on"}

    response = desk(Role.AGENT).post(reverse(TASKS), data)

    assert response.status_code == 200
    assert "Nothing is chosen." in response.text
    assert Job.objects.count() == 0


def test_whole_list_is_what_its_view_shows_on_all_pages(desk, monkeypatch):
    monkeypatch.setattr(BoundedPaginator, "limit", 2)
    free = [rows.make_task(assignee=None) for _ in range(4)]
    others = rows.make_task()
    client = desk(Role.AGENT)

    everything = {"select_across": "1", "query": "?show=nobody"}
    page = choose(client, TASKS, "take_tasks", free[:1], **everything)
    everything["extent"] = page.context["extent"]
    confirm(client, TASKS, "take_tasks", free[:1], **everything)

    assert "It will be done to 4 chosen rows." in page.text
    assert Task.objects.filter(assignee=client.user).count() == 4
    others.refresh_from_db()
    assert others.assignee != client.user


@pytest.mark.parametrize("growth", [1, 0])
def test_whole_list_that_has_changed_since_is_asked_about_again(desk, growth):
    """With no growth one row has gone and another has come."""
    free = [rows.make_task(assignee=None) for _ in range(2)]
    client = desk(Role.AGENT)
    everything = {"select_across": "1", "query": "?show=nobody"}
    page = choose(client, TASKS, "take_tasks", free[:1], **everything)
    rows.make_task(assignee=None)
    if not growth:
        free[0].delete()

    again = confirm(
        client, TASKS, "take_tasks", free[:1], extent=page.context["extent"], **everything
    )

    assert "The list has changed since you were asked" in again.text
    assert f"It will be done to {2 + growth} chosen rows." in again.text
    assert (Task.objects.filter(assignee=client.user).count(), Job.objects.count()) == (0, 0)
    confirm(client, TASKS, "take_tasks", free[:1], extent=again.context["extent"], **everything)
    assert Task.objects.filter(assignee=client.user).count() == 2 + growth


def test_many_rows_are_worked_off_in_the_background(desk, monkeypatch):
    monkeypatch.setattr(jobs, "AT_ONCE", 1)
    monkeypatch.setattr("cxcrm.base.admin.bulk.AT_ONCE", 1)
    tasks = [rows.make_task(assignee=None) for _ in range(3)]
    client = desk(Role.AGENT)

    asked = choose(client, TASKS, "take_tasks", tasks)
    response = confirm(client, TASKS, "take_tasks", tasks)

    assert "worked off in the background" in asked.text
    job = Job.objects.get()
    progress = reverse("admin:base_job_progress", args=[job.pk])
    page = client.get(response["Location"])
    assert (job.state, progress in page.text) == (JobState.WAITING, True)
    assert "0 of 3 rows" in client.get(progress).text
    work_off_jobs(at=NOW)
    piece = client.get(progress)
    assert "3 of 3 rows" in piece.text
    assert "hx-get" not in piece.text


def test_agents_see_their_own_bulk_actions_and_leads_all(desk):
    client = desk(Role.AGENT)
    confirm(client, TASKS, "take_tasks", [rows.make_task(assignee=None)])
    mine, others = Job.objects.get(), rows.make_job()
    url = reverse("admin:base_job_changelist")

    def seen(viewer, **query) -> set[Job]:
        return set(viewer.get(url, query).context["cl"].result_list)

    lead = desk(Role.TEAM_LEAD)
    assert seen(client) == {mine}
    assert seen(lead) == {mine, others}
    assert seen(lead, show="mine") == set()
    page = reverse("admin:base_job_change", args=[others.pk])
    assert (client.get(page).status_code, lead.get(page).status_code) == (302, 200)
    progress = reverse("admin:base_job_progress", args=[others.pk])
    assert (client.get(progress).status_code, lead.get(progress).status_code) == (404, 200)


def test_held_reminders_are_released_and_dismissed_in_bulk(desk):
    held = []
    for _ in range(3):
        contract = ContractFactory(account=ContactFactory().account)
        held.append(
            RenewalReminder.objects.create(
                contract=contract,
                renewal_date=contract.renewal_date,
                step=1,
                state=ReminderState.HELD,
                due_on=contract.remind_on,
                decided_on=contract.remind_on,
                decided_at=instant_on(contract.remind_on),
            )
        )
    client = desk(Role.AGENT)
    name = "admin:accounts_renewalreminder_changelist"

    listed = client.get(reverse(name), {"show": "held"}).context["cl"].result_list
    confirm(client, name, "release_reminders", held[:2])
    confirm(client, name, "dismiss_reminders", held[2:])

    assert list(listed) == held
    states = RenewalReminder.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == [ReminderState.PLANNED, ReminderState.PLANNED, ReminderState.DISMISSED]
