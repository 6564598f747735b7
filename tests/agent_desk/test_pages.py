from decimal import Decimal

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import Account, Contact
from accounts.selectors.revenue import Revenue
from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import (
    NOW,
    AccountFactory,
    ContactFactory,
    ContractFactory,
    ProductFactory,
    cancel,
)

MAKERS = {
    "apikey": rows.make_api_key,
    "account": rows.make_account,
    "brand": rows.make_brand,
    "cancellation": rows.make_cancellation,
    "cancellationreason": rows.make_reason,
    "contact": rows.make_contact,
    "contract": rows.make_contract,
    "exchangerate": rows.make_rate,
    "importissue": rows.make_issue,
    "importmapping": rows.make_mapping,
    "importrun": rows.make_import,
    "lostaccount": rows.make_lost_account,
    "mailaddress": rows.make_address,
    "job": rows.make_job,
    "jobrefusal": rows.make_refusal,
    "mailwording": rows.make_wording,
    "outgoingmail": rows.make_mail,
    "product": rows.make_product,
    "recipientdomain": rows.make_limit,
    "reminderpolicy": rows.make_policy,
    "renewalreminder": rows.make_reminder,
    "task": rows.make_task,
    "timelineevent": rows.make_event,
}
CAN_BE_ADDED = {
    "apikey",
    "brand",
    "cancellationreason",
    "contact",
    "exchangerate",
    "product",
    "recipientdomain",
    "reminderpolicy",
}

WORKING = {
    "mailwording",
    "account",
    "brand",
    "cancellation",
    "cancellationreason",
    "contact",
    "contract",
    "exchangerate",
    "lostaccount",
    "mailaddress",
    "outgoingmail",
    "product",
    "reminderpolicy",
    "renewalreminder",
    "task",
    "timelineevent",
}
# Agents see their own bulk actions, and these are others'.
LEADING = WORKING | {"job", "jobrefusal"}
SEES = {
    Role.AGENT: WORKING,
    Role.TEAM_LEAD: LEADING,
    Role.CX_MANAGER: LEADING | {"importissue", "importmapping", "importrun", "recipientdomain"},
    Role.EXECUTIVE: {
        "account",
        "brand",
        "cancellationreason",
        "contract",
        "exchangerate",
        "product",
        "timelineevent",
    },
    Role.ADMINISTRATOR: set(MAKERS),
}
CHANGES = {
    Role.AGENT: {"account", "contact"},
    Role.TEAM_LEAD: {"account", "contact"},
    Role.CX_MANAGER: {
        "account",
        "contact",
        "product",
        "brand",
        "cancellationreason",
        "exchangerate",
        "recipientdomain",
        "reminderpolicy",
    },
    Role.EXECUTIVE: set(),
    Role.ADMINISTRATOR: {
        "account",
        "apikey",
        "contact",
        "product",
        "brand",
        "cancellationreason",
        "exchangerate",
        "recipientdomain",
        "reminderpolicy",
    },
}


def page(row) -> str:
    options = row._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])


@pytest.mark.parametrize("model", sorted(MAKERS))
def test_page_opens_and_can_be_added_where_that_is_sensible(desk, model):
    row = MAKERS[model]()
    client = desk(Role.ADMINISTRATOR)
    add = reverse(f"admin:{row._meta.app_label}_{model}_add")

    assert client.get(page(row)).status_code == 200
    assert client.get(add).status_code == (200 if model in CAN_BE_ADDED else 403)


def test_account_form_says_that_late_reminders_go_at_once(desk):
    shown = desk(Role.AGENT).get(page(MAKERS["account"]())).content.decode()

    assert "A reminder whose day has passed by a change goes at once." in shown


def test_every_page_of_the_desk_is_tried():
    tried = {model for model in admin.site._registry if model._meta.app_label != "users"}
    assert {model._meta.model_name for model in tried} == set(MAKERS)


@pytest.mark.parametrize("role", Role)
def test_role_sees_and_changes_what_is_its_own_and_nothing_else(desk, role):
    client = desk(role)
    seen, changed = set(), set()
    for model, make in MAKERS.items():
        response = client.get(page(make()))
        if response.status_code == 200:
            seen.add(model)
            if response.context["has_change_permission"]:
                changed.add(model)

    assert seen == SEES[role]
    assert changed == CHANGES[role]


def test_account_page_shows_money_contracts_people_and_what_happened(desk):
    account = AccountFactory(
        customer_kind="consumer", country="US", region="CA", time_zone="America/Los_Angeles"
    )
    ContactFactory(account=account, name="Rosa Morgenrot", address="rosa@morgenrot.example")
    product = ProductFactory(brand=account.brand, name="Webhosting Pro")
    terms = {"account": account, "product": product, "price": Decimal(10), "tax_rate": 19}
    ContractFactory(**terms)
    ended = ContractFactory(**terms, billing_period_months=3)
    cancel(ended, rows.REMINDER_DAY.date())

    response = desk(Role.AGENT).get(page(account))

    [revenue] = response.context["overview"].revenue.by_currency
    assert revenue == Revenue("EUR", arr=Decimal(160), arr_under_notice=Decimal(40))
    assert round(revenue.mrr, 4) == Decimal("13.3333")
    for shown in (
        "11.90 EUR gross / month",
        "11.90 EUR gross / 3 months",
        "of which under notice",
        "rosa@morgenrot.example",
        "Cancellation received",
        "Dec. 1, 2026",
    ):
        assert shown in response.text


def test_executive_sees_no_people_and_no_mails_on_the_account_page(desk):
    contact = ContactFactory(name="Rosa Morgenrot", address="rosa@morgenrot.example")
    contract = ContractFactory(account=contact.account)
    plan_renewal_reminders(at=instant_on(contract.remind_on))
    assert "rosa@morgenrot.example" in desk(Role.AGENT).get(page(contact.account)).text

    response = desk(Role.EXECUTIVE).get(page(contact.account))

    assert "Rosa Morgenrot" not in response.text
    assert "rosa@morgenrot.example" not in response.text
    assert "ARR" in response.text
    assert "Add task" not in response.text


def test_account_page_takes_the_same_queries_for_one_contract_and_for_three(
    desk, django_assert_num_queries
):
    account = AccountFactory()
    client = desk(Role.AGENT)
    client.get(page(account))  # Django remembers the content type from here on.
    for more in (1, 2):
        for _ in range(more):
            ContactFactory(account=account)
            ContractFactory(account=account)
        with django_assert_num_queries(14):
            client.get(page(account))


def test_contract_page_takes_the_same_queries_for_one_reminder_and_for_three(
    desk, django_assert_num_queries
):
    contract = rows.make_reminder().contract
    client = desk(Role.AGENT)
    client.get(page(contract))  # Django remembers the content type from here on.
    with django_assert_num_queries(16):
        client.get(page(contract))
    for year in (2027, 2028):
        contract.reminders.create(
            renewal_date=f"{year}-07-01",
            step=1,
            state="held",
            due_on="2027-05-01",
            decided_on="2027-05-01",
            decided_at=NOW,
        )
    with django_assert_num_queries(16):
        client.get(page(contract))


def test_agent_edits_an_account_and_the_page_says_who_did(desk):
    account = AccountFactory(name="Bakery", segment="small")
    number = account.external_id
    client = desk(Role.AGENT, name="Ada Agent")

    response = client.post(
        page(account),
        {
            "name": "Bakery & Sons",
            "segment": "large",
            "language": "de",
            "time_zone": "Europe/Paris",
            "country": "FR",
            "region": "",
            "account_manager": client.user.pk,
            # Not in the form, so it moves nothing.
            "external_id": "STOLEN",
            "brand": 0,
        },
    )

    assert response.status_code == 302
    account.refresh_from_db()
    assert (account.name, account.segment) == ("Bakery & Sons", "large")
    assert (account.external_id, account.account_manager) == (number, client.user)
    changes = client.get(page(account)).context["changes"]
    assert {change.by for change in changes} == {client.user}
    assert ("name", "Bakery", "Bakery & Sons") in {
        (change.field, change.before, change.after) for change in changes
    }


def test_executive_cannot_edit_an_account(desk):
    account = AccountFactory(name="Bakery")

    response = desk(Role.EXECUTIVE).post(page(account), {"name": "Changed"})

    assert response.status_code == 403
    assert Account.objects.get().name == "Bakery"


def test_agent_adds_a_contact_by_mail_address(desk):
    account = AccountFactory()

    response = desk(Role.AGENT).post(
        reverse("admin:accounts_contact_add"),
        {
            "account": account.pk,
            "name": "Rosa Morgenrot",
            "role": "billing",
            "email": "Rosa@Morgenrot.example",
            "phone": "",
            "language": "",
            "may_decide": "unknown",
            "external_id": "",
        },
    )

    assert response["Location"] == page(account)
    contact = Contact.objects.select_related("address").get()
    assert contact.address.address == "rosa@morgenrot.example"


def test_contact_with_a_wrong_address_is_refused_and_not_written(desk):
    account = AccountFactory()

    response = desk(Role.AGENT).post(
        reverse("admin:accounts_contact_add"),
        {"account": account.pk, "name": "Rosa", "role": "billing", "email": "rosa@"},
    )

    assert response.status_code == 200
    assert response.context["adminform"].form.errors.keys() == {"email"}
    assert not Contact.objects.exists()


def test_mail_is_previewed_for_staff_in_a_frame_that_runs_no_script(desk, client):
    mail = rows.make_mail()
    html = reverse("admin:outbox_outgoingmail_html", args=[mail.pk])
    agent = desk(Role.AGENT)

    response = agent.get(html)

    assert response.status_code == 200
    assert "January 15, 2027" in response.text
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    shown = agent.get(page(mail)).text
    assert f'src="{html}"' in shown
    assert "<iframe" in shown
    assert " sandbox " in shown
    assert desk(Role.EXECUTIVE).get(html).status_code == 403
    assert client.get(html).status_code == 302
    assert agent.get(reverse("admin:outbox_outgoingmail_html", args=[0])).status_code == 404


def test_import_page_shows_the_refused_rows(desk):
    issue = rows.make_issue()

    response = desk(Role.CX_MANAGER).get(page(issue.run))

    assert issue.reason in response.text
    assert response.context["overview"].counts[0].added == 9
