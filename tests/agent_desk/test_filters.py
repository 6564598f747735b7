"""What narrows the lists of customers."""

from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.enums import ContactRole, CustomerKind, Segment
from accounts.models import Account
from cxcrm.users.enums import Role
from tests.factories import AccountFactory, ContactFactory, UserFactory


def listed(client, name: str, **query) -> list[str]:
    page = client.get(reverse(f"admin:accounts_{name}_changelist"), query)
    return [row.name for row in page.context["cl"].result_list]


@pytest.fixture
def manager(db):
    return UserFactory(role=Role.AGENT)


@pytest.fixture
def accounts(manager):
    AccountFactory(name="Plain")
    AccountFactory(
        name="Special",
        customer_kind=CustomerKind.CONSUMER,
        segment=Segment.values[0],
        country="CH",
        account_manager=manager,
    )


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(
    ("lookup", "value"),
    [
        ("customer_kind__exact", CustomerKind.CONSUMER),
        ("segment__exact", Segment.values[0]),
        ("country__exact", "CH"),
    ],
)
def test_accounts_are_narrowed_by_what_they_are(desk, lookup, value):
    assert listed(desk(Role.AGENT), "account", **{lookup: value}) == ["Special"]


@pytest.mark.usefixtures("accounts")
def test_accounts_are_narrowed_by_their_manager_who_is_staff(desk, manager):
    client, customer = desk(Role.AGENT), UserFactory(name="A customer's login")

    page = client.get(reverse("admin:accounts_account_changelist"))

    assert listed(client, "account", account_manager__id__exact=manager.pk) == ["Special"]
    assert manager.name in page.text
    assert customer.name not in page.text


@pytest.mark.usefixtures("accounts")
def test_accounts_of_high_value_come_with_the_most_first(desk):
    AccountFactory(name="Most")
    Account.objects.filter(name="Special").update(is_high_value=True, arr=Decimal(10))
    Account.objects.filter(name="Most").update(is_high_value=True, arr=Decimal(20))

    assert listed(desk(Role.AGENT), "account", show="high-value") == ["Most", "Special"]


def test_contacts_are_narrowed_by_role(desk):
    ContactFactory(name="Billing", role=ContactRole.BILLING)
    ContactFactory(name="Decides", role=ContactRole.DECISION_MAKER)

    found = listed(desk(Role.AGENT), "contact", role__exact=ContactRole.BILLING)

    assert found == ["Billing"]
