import pytest
from django.urls import reverse

from accounts.enums import TaskPool
from accounts.services.tasks import open_task
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import NOW, AccountFactory, ContactFactory, ContractFactory


@pytest.fixture
def customer(db):
    account = AccountFactory(external_id="K4711", name="Bäckerei Morgenrot")
    ContactFactory(account=account, name="Rosa Morgenrot", address="rosa@morgenrot.example")
    ContractFactory(account=account, external_id="V-0815")
    open_task(
        account_id=account.pk,
        title="Explain the invoice",
        due_on=NOW.date(),
        pool=TaskPool.BILLING,
        at=NOW,
    )
    others = ContactFactory(name="Somebody else", address="else@elsewhere.example")
    ContractFactory(account=others.account, external_id="V-0816")
    return account


def found(client, model: str, text: str) -> list[str]:
    response = client.get(reverse(f"admin:{model}_changelist"), {"q": text})
    return [str(row) for row in response.context["cl"].result_list]


@pytest.mark.parametrize(
    "text", ["K4711", "V-0815", " Rosa@Morgenrot.example ", "morgenr", "Bäckerei"]
)
def test_account_is_found_by_numbers_address_and_part_of_its_name(desk, customer, text):
    assert found(desk(Role.AGENT), "accounts_account", text) == [str(customer)]


@pytest.mark.parametrize("text", ["K4711", "rosa@morgenrot.example", "morgen"])
def test_contact_is_found_by_number_address_and_part_of_the_name(desk, customer, text):
    assert found(desk(Role.AGENT), "accounts_contact", text) == ["Rosa Morgenrot"]


@pytest.mark.parametrize("text", ["K4711", "V-0815"])
def test_contract_is_found_by_its_number_and_its_customers(desk, customer, text):
    assert found(desk(Role.AGENT), "accounts_contract", text) == ["V-0815"]


@pytest.mark.parametrize("text", ["K4711", "the INVOICE"])
def test_task_is_found_by_its_words_and_its_customers_number(desk, customer, text):
    assert found(desk(Role.AGENT), "accounts_task", text) == ["Explain the invoice"]


def test_mail_and_address_are_found_by_the_whole_address(desk):
    mail = rows.make_mail()
    rows.make_mail()
    client = desk(Role.AGENT)

    assert found(client, "outbox_outgoingmail", mail.address.address.upper()) == [str(mail)]
    assert found(client, "outbox_mailaddress", mail.address.address.upper()) == [str(mail.address)]
    assert found(client, "outbox_mailaddress", "customers.example") == []


@pytest.mark.parametrize("text", ["nobody", "'; DROP TABLE", "%", "_", "\\"])
def test_search_that_finds_nothing_is_an_empty_list(desk, customer, text):
    client = desk(Role.AGENT)

    for model in ("accounts_contract", "outbox_mailaddress"):
        response = client.get(reverse(f"admin:{model}_changelist"), {"q": text})
        assert response.status_code in {200, 302}
