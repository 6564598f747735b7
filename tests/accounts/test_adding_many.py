"""Adding many at once writes what adding them one by one does."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.forms.models import model_to_dict

from accounts.enums import AfterTerm, ContactRole, CustomerKind
from accounts.models import Account, Contract
from accounts.services.contracts import (
    NewContract,
    ProductOfOtherBrand,
    add_contract,
    add_contracts,
)
from accounts.services.customers import (
    NewAccount,
    NewContact,
    add_account,
    add_accounts,
    add_contact,
)
from tests.factories import NOW, AccountFactory, BrandFactory, ProductFactory

pytestmark = pytest.mark.django_db

TERMS = {
    "starts_on": date(2026, 1, 15),
    "first_term_months": 12,
    "after_term": AfterTerm.RENEWS,
    "renewal_term_months": 12,
    "notice_months": 1,
    "price": Decimal("10.00"),
    "currency": "EUR",
    "billing_period_months": 1,
}
DETAILS = {
    "name": "Buchhandlung Eisvogel",
    "customer_kind": CustomerKind.BUSINESS,
    "country": "DE",
    "language": "de",
    "time_zone": "Europe/Berlin",
}
COMPUTED = ["state", "renewal_date", "term_months", "remind_on", "notice_deadline", "yearly_value"]
PERSON = {"name": "Merle Moosgrund", "role": ContactRole.BILLING}


def written(row) -> dict:
    values = model_to_dict(row, exclude=["id", "external_id"])
    computed = (
        "state",
        "renewal_date",
        "term_months",
        "remind_on",
        "notice_deadline",
        "yearly_value",
    )
    return values | {name: getattr(row, name) for name in computed if hasattr(row, name)}


def events(row) -> list:
    return list(row.timeline.values_list("kind", "occurred_at", "actor", "facts"))


def test_add_contracts_writes_what_add_contract_does():
    account = AccountFactory()
    product = ProductFactory(brand=account.brand)
    one = add_contract(account=account, product=product, at=NOW, external_id="V1", **TERMS)

    ids = add_contracts(
        contracts=[
            NewContract(account, product, TERMS | {"external_id": number})
            for number in ("V2", "V3")
        ],
        at=NOW,
    )

    many = [Contract.objects.get(pk=contract_id) for contract_id in ids]
    assert [contract.external_id for contract in many] == ["V2", "V3"]
    assert [written(contract) for contract in many] == [written(one)] * 2
    assert [events(contract) for contract in many] == [events(one)] * 2
    assert one.renewal_date == date(2027, 1, 15)


def test_add_contracts_adds_none_where_one_is_refused():
    account = AccountFactory()
    product = ProductFactory(brand=account.brand)
    new = [NewContract(account, product, TERMS | {"external_id": "V1"})] * 2

    with pytest.raises(IntegrityError):
        add_contracts(contracts=new, at=NOW)
    with pytest.raises(ProductOfOtherBrand):
        add_contracts(contracts=[new[0], NewContract(account, ProductFactory(), TERMS)], at=NOW)

    assert not Contract.objects.exists()


def test_add_accounts_writes_what_add_account_and_add_contact_do():
    brand = BrandFactory()
    one = add_account(brand=brand, at=NOW, external_id="K1", **DETAILS)
    add_contact(account=one, address="Merle@customers.example", **PERSON)
    add_contact(account=one, address=None, **PERSON)

    [many] = add_accounts(
        accounts=[
            NewAccount(
                brand,
                DETAILS | {"external_id": "K2"},
                [NewContact("Merle@customers.example", PERSON), NewContact(None, PERSON)],
            )
        ],
        at=NOW,
    )

    found = Account.objects.get(external_id="K2")
    assert found == many
    assert written(found) == written(one)
    assert events(found) == events(one)
    assert [
        (contact.name, contact.role, contact.address_id)
        for contact in found.contacts.order_by("id")
    ] == [
        (contact.name, contact.role, contact.address_id) for contact in one.contacts.order_by("id")
    ]
