import pytest

from accounts.models import Contact
from accounts.sql.deciders import contact_decides
from cxcrm.outbox.models import MailAddress
from tests.api.answers import error, ids
from tests.factories import NOW, AccountFactory, BrandFactory, ContactFactory

READ, WRITE = "customers:read", "customers:write"


@pytest.fixture
def account(db):
    return AccountFactory(brand=BrandFactory(code="nord"), external_id="K1")


@pytest.fixture
def api(make_api_client):
    return make_api_client(READ, WRITE)


@pytest.fixture
def wanted(account):
    return {"brand": "nord", "account_external_id": "K1", "name": "Merle", "role": "billing"}


def test_a_post_adds_a_contact_with_its_address(api, account, wanted):
    response = api.post("contacts/", wanted | {"address": "Merle@Nordlicht.example"})

    contact = Contact.objects.get()
    assert response.status_code == 201, response.content
    assert response.json() == {
        "id": contact.pk,
        "account": account.pk,
        "account_external_id": "K1",
        "brand": "nord",
        "external_id": "",
        "name": "Merle",
        "role": "billing",
        "address": "merle@nordlicht.example",
        "address_bounced_at": None,
        "phone": "",
        "language": "",
        "may_decide": None,
        "decides": True,
    }
    assert api.get(f"contacts/{contact.pk}/").json() == response.json()


def test_shows_that_mail_came_back(api):
    contact = ContactFactory()
    MailAddress.objects.update(bounced_at=NOW)
    shown = api.get(f"contacts/{contact.pk}/").json()
    assert shown["address_bounced_at"] == "2026-06-01T10:00:00Z"


def test_says_who_decides_as_the_rest_of_the_house_does(api, account):
    for may_decide in (True, False, None):
        for role in ("billing", "end_user"):
            ContactFactory(account=account, role=role, may_decide=may_decide)
    only = ContactFactory(role="end_user", address=None)

    shown = {row["id"]: row["decides"] for row in api.get("contacts/").json()["results"]}

    assert list(shown.values()) == [True, True, False, False, True, False, True]
    assert shown == {
        contact.pk: contact_decides(contact_id=contact.pk, account_id=contact.account_id)
        for contact in Contact.objects.all()
    }
    assert shown[only.pk] is True


def test_a_patch_keeps_the_address_unless_it_names_another(api):
    contact = ContactFactory(address="before@nordlicht.example")

    def patched(**body):
        response = api.patch(f"contacts/{contact.pk}/", body)
        assert response.status_code == 200, response.content
        return response.json()["name"], response.json()["address"]

    assert patched(name="Merle") == ("Merle", "before@nordlicht.example")
    assert patched(address="After@Nordlicht.example") == ("Merle", "after@nordlicht.example")
    assert patched(address=None) == ("Merle", None)
    assert MailAddress.objects.filter(address="before@nordlicht.example").exists()


@pytest.mark.parametrize(
    "address", ["", "merle", "a b@nordlicht.example", 5, f"{'a' * 250}@b.example"]
)
def test_refuses_what_is_no_address(api, wanted, address):
    response = api.post("contacts/", wanted | {"address": address})
    assert (response.status_code, list(error(response)[2])) == (422, ["address"])
    assert not Contact.objects.exists()
    assert not MailAddress.objects.exists()


def test_an_account_gives_a_number_once(api, account, wanted):
    ContactFactory(account=account, external_id="P1")
    ContactFactory(external_id="P2")
    taken = (409, "external_id_taken", {"external_id": "external_id_taken"})

    assert error(api.post("contacts/", wanted | {"external_id": "P1"})) == taken
    assert api.post("contacts/", wanted | {"external_id": "P2"}).status_code == 201
    assert api.post("contacts/", wanted).status_code == 201
    assert api.post("contacts/", wanted).status_code == 201


def test_a_put_goes_by_account_and_number(api, wanted):
    added = api.put("contacts/", wanted | {"external_id": "P1", "address": "merle@nord.example"})
    assert added.status_code == 201, added.content

    key = {"brand": "nord", "account_external_id": "K1", "external_id": "P1"}
    changed = api.put("contacts/", key | {"phone": "+49721123456"})
    assert changed.status_code == 200, changed.content
    assert changed.json() == added.json() | {"phone": "+49721123456"}
    assert Contact.objects.count() == 1


@pytest.mark.parametrize("number", [None, ""])
def test_a_contact_without_a_number_cannot_be_put(api, wanted, number):
    response = api.put("contacts/", wanted | {"external_id": number})
    assert error(response) == (422, "invalid", {"external_id": "required"})
    assert error(api.put("contacts/", wanted)) == (422, "invalid", {"external_id": "required"})


def test_a_contact_stays_at_its_account(api, account):
    contact = ContactFactory()
    body = {"brand": "nord", "account_external_id": "K1"}
    assert error(api.patch(f"contacts/{contact.pk}/", body))[2] == dict.fromkeys(body, "unknown")


def test_filters(api, account):
    contact = ContactFactory(
        account=account, external_id="P1", role="technical", name="Merle", address="m@nord.example"
    )
    ContactFactory()
    for query in (
        {"account": account.pk},
        {"account_external_id": "K1"},
        {"brand": "nord"},
        {"external_id": "P1"},
        {"role": "technical"},
        {"address": "M@nord.example"},
        {"search": "erl"},
        {"search": "K1"},
        {"search": "m@nord.example"},
    ):
        assert ids(api.get("contacts/", **query)) == [contact.pk], query


def test_a_key_of_one_brand_knows_no_other(make_api_client, account):
    own, foreign = ContactFactory(account=account), ContactFactory(external_id="P2")
    api = make_api_client(READ, WRITE, brands=[account.brand])

    assert ids(api.get("contacts/")) == [own.pk]
    assert ids(api.get("contacts/", address=foreign.address.address)) == []
    assert api.get(f"contacts/{foreign.pk}/").status_code == 404
    assert api.patch(f"contacts/{foreign.pk}/", {"name": "Mine"}).status_code == 404
    elsewhere = {
        "brand": foreign.account.brand.code,
        "account_external_id": foreign.account.external_id,
        "external_id": "P2",
        "name": "Mine",
        "role": "billing",
    }
    refused = (422, "invalid", {"brand": "not_found"})
    assert error(api.post("contacts/", elsewhere)) == refused
    assert error(api.put("contacts/", elsewhere)) == refused
    unknown = elsewhere | {"brand": "nord"}
    refused = (422, "invalid", {"account_external_id": "not_found"})
    assert error(api.post("contacts/", unknown)) == refused
