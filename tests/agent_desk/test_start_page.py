from datetime import date

import pytest

from accounts.enums import ReminderState, TaskPool
from accounts.services.tasks import open_task
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import NOW, AccountFactory, ContractFactory

TODAY = "/desk/"


def open_for(user, title: str, due_on: date):
    return open_task(
        account_id=AccountFactory().pk,
        title=title,
        due_on=due_on,
        pool=TaskPool.SERVICE,
        assignee=user,
        at=NOW,
    )


def test_start_page_says_how_customers_come_in(desk):
    client = desk(Role.AGENT)

    empty = client.get(TODAY).text
    AccountFactory()

    assert "No accounts yet" in empty
    assert "No accounts yet" not in client.get(TODAY).text


def test_start_page_lists_my_open_tasks_overdue_first(desk):
    client = desk(Role.AGENT)
    later = open_for(client.user, "Later", date(2026, 6, 20))
    overdue = open_for(client.user, "Overdue", date(2026, 5, 31))
    open_for(None, "Nobody's", date(2026, 6, 1))

    response = client.get(TODAY)

    assert response.context["my_tasks"] == [overdue, later]
    assert response.context["unassigned"].shown == 1
    assert response.text.count("· overdue") == 1


def test_start_page_counts_renewals_reminders_and_mails(desk):
    ContractFactory(starts_on=date(2025, 7, 16))
    ContractFactory(starts_on=date(2025, 7, 17))
    held = rows.make_reminder()
    held.state = ReminderState.HELD
    held.save()
    mail = rows.make_mail()

    context = desk(Role.EXECUTIVE).get(TODAY).context
    figures = context["renewals"]
    agents = desk(Role.AGENT).get(TODAY).context["mails"]

    assert (figures.renewing.shown, figures.reminded.shown, figures.held.shown) == (1, 1, 1)
    assert "mails" not in context
    assert (agents.waiting.shown, agents.failed.shown) == (2, 0)
    assert agents.oldest_due_at <= mail.due_at


def test_start_page_takes_the_same_queries_however_much_there_is(desk, django_assert_num_queries):
    client = desk(Role.AGENT)
    for more in (1, 2):
        for _ in range(more):
            rows.make_mail()
            open_for(client.user, "Call", date(2026, 6, 1))
        with django_assert_num_queries(14):
            client.get(TODAY)


@pytest.mark.parametrize(
    ("role", "titles"),
    [
        (
            Role.EXECUTIVE,
            [
                "Today",
                "Revenue",
                "Accounts",
                "Contracts",
                "Products",
                "Brands",
                "Exchange rates",
                "Cancellation reasons",
                "API documentation",
            ],
        ),
        (
            Role.AGENT,
            [
                "Today",
                "Accounts",
                "Contacts",
                "Contracts",
                "Tasks",
                "Renewal reminders",
                "Cancellations",
                "Lost accounts",
                "Bulk actions",
                "Outgoing mails",
                "Mail addresses",
                "Wordings of mails",
                "Products",
                "Brands",
                "Reminder policies",
                "Exchange rates",
                "Cancellation reasons",
                "API documentation",
            ],
        ),
    ],
)
def test_sidebar_offers_what_the_role_may_open(desk, role, titles):
    groups = desk(role).get(TODAY).context["sidebar_navigation"]

    assert [item["title"] for group in groups for item in group["items"]] == titles


def test_customers_and_strangers_do_not_enter_the_desk(client, desk):
    client.force_login(AccountFactory(account_manager=rows.UserFactory()).account_manager)
    customer = client.get(TODAY)
    client.logout()
    stranger = client.get(TODAY)

    assert (customer.status_code, stranger.status_code) == (302, 302)
