"""Who gets what on every route: a route without a row here fails.

Each row holds the status of a GET for the personas in the order of PERSONAS. A customer's login
never gets more than an anonymous visitor; what a role does not see is 403.
"""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.enums import TaskPool
from accounts.models import ImportIssue, ImportMapping, ImportRun, TimelineEvent
from accounts.services.decision_links import DECIDE, reminder_mark
from accounts.services.deeds import TAKE_TASKS
from accounts.services.renewals import plan_renewal_reminders
from accounts.services.tasks import open_task
from cxcrm.base import clock
from cxcrm.base.clock import instant_on
from cxcrm.base.jobs import start_job
from cxcrm.base.links import seal
from cxcrm.users.enums import Role
from tests.accounts.deciding import remind
from tests.agent_desk import rows
from tests.architecture.matrix import MATRIX
from tests.architecture.routes import all_routes, path_of
from tests.factories import NOW, ContactFactory, ContractFactory, UserFactory
from tests.tables import table_contents

PERSONAS = ["anonymous", "customer", *Role.values]


@pytest.fixture
def ids(db) -> dict[str, str]:
    """One row of every model of the desk; the keys are what routes call the models."""
    contract = ContractFactory()
    contact = ContactFactory(account=contract.account)
    plan_renewal_reminders(at=instant_on(contract.remind_on))
    # Its link is open by the clock that pages read.
    open_reminder = remind(ContractFactory(starts_on=clock.now().date() - timedelta(days=330)))
    task = open_task(
        account_id=contract.account_id,
        title="Call",
        due_on=NOW.date(),
        pool=TaskPool.SERVICE,
        at=NOW,
    )
    run = ImportRun.objects.create(
        file_name="feed.csv",
        file_sha256="0" * 64,
        mapping="standard",
        as_of=NOW.date(),
        state="done",
        started_at=NOW,
    )
    agent = UserFactory(role=Role.AGENT)
    gone = task.pk + 1
    job = start_job(deed=TAKE_TASKS, ids=[gone], parameters={}, at=NOW, actor=agent)
    mapping = ImportMapping.objects.create(
        name="billing", kind="contracts", content={"fields": {}}, saved_at=NOW
    )
    issue = ImportIssue.objects.create(run=run, line=2, field="price", reason="no number")
    return {
        "apikey": str(rows.make_api_key().pk),
        "outgoingmail": str(contact.address.mails.get().pk),
        "mailaddress": str(contact.address_id),
        "mailwording": str(rows.make_wording().pk),
        "recipientdomain": str(rows.make_limit().pk),
        "account": str(contract.account_id),
        "contact": str(contact.pk),
        "brand": str(contract.brand_id),
        "product": str(contract.product_id),
        "contract": str(contract.pk),
        "cancellation": str(rows.make_cancellation().pk),
        "cancellationreason": str(rows.make_reason().pk),
        "exchangerate": str(rows.make_rate().pk),
        "lostaccount": str(rows.make_lost_account().pk),
        "reminderpolicy": str(rows.make_policy().pk),
        "renewal": seal(DECIDE, open_reminder.pk, bound_to=reminder_mark(open_reminder.pk)),
        "renewalreminder": str(contract.reminders.get().pk),
        "importmapping": str(mapping.pk),
        "importrun": str(run.pk),
        "importissue": str(issue.pk),
        "task": str(task.pk),
        "job": str(job.pk),
        "jobrefusal": str(job.refusals.get().pk),
        "timelineevent": str(TimelineEvent.objects.order_by("pk").first().pk),
        "user": str(UserFactory(role=Role.AGENT).pk),
    }


def client_of(persona: str) -> Client:
    client = Client()
    if persona != "anonymous":
        client.force_login(UserFactory(role=None if persona == "customer" else persona))
    return client


def test_every_route_has_a_row():
    assert sorted(MATRIX) == all_routes()


@pytest.mark.parametrize("route", MATRIX)
def test_route_answers_each_persona_as_the_matrix_says(route, ids):
    path = path_of(route, ids)

    found = [client_of(persona).get(path).status_code for persona in PERSONAS]

    assert dict(zip(PERSONAS, found, strict=True)) == dict(
        zip(PERSONAS, MATRIX[route], strict=True)
    )


@pytest.mark.parametrize(
    "route", [route for route in MATRIX if route.startswith("/desk/") and 403 in MATRIX[route]]
)
def test_denied_post_writes_nothing(route, ids):
    path = path_of(route, ids)
    denied = [
        persona
        for persona, status in zip(PERSONAS, MATRIX[route], strict=True)
        if status in (302, 403)
    ]
    clients = [client_of(persona) for persona in denied]
    before = table_contents()

    answers = [
        client.post(path, {"name": "Mallory", "state": "ended", "post": "yes"}).status_code
        for client in clients
    ]

    assert set(answers) <= {302, 403, 405}
    assert table_contents() == before
