from datetime import date
from decimal import Decimal

import pytest

from accounts.enums import CustomerKind, TimelineKind
from accounts.models import Account, TimelineEvent
from tests.api.answers import error, ids
from tests.factories import (
    NOW,
    AccountFactory,
    BrandFactory,
    ContactFactory,
    ContractFactory,
    ReminderPolicyFactory,
    UserFactory,
)

READ, WRITE = "customers:read", "customers:write"
WANTED = {
    "external_id": "K1",
    "name": "Nordlicht GmbH",
    "customer_kind": "business",
    "country": "DE",
    "language": "de",
    "time_zone": "Europe/Berlin",
}


@pytest.fixture
def brand(db):
    return BrandFactory(code="nord")


@pytest.fixture
def api(make_api_client):
    return make_api_client(READ, WRITE)


def test_shows_an_account_with_everything(api, brand):
    account = AccountFactory(
        brand=brand,
        external_id="K1",
        name="Nordlicht GmbH",
        segment="small",
        region="BW",
        account_manager=UserFactory(email="merle@cxcrm.test", role="agent"),
    )
    Account.objects.update(arr=Decimal("120.5"), is_high_value=True, lost_on=date(2026, 5, 31))

    response = api.get(f"accounts/{account.pk}/")

    assert response.status_code == 200
    assert response.json() == {
        "id": account.pk,
        "brand": "nord",
        "external_id": "K1",
        "name": "Nordlicht GmbH",
        "customer_kind": "business",
        "segment": "small",
        "country": "DE",
        "region": "BW",
        "language": "en",
        "time_zone": "Europe/Berlin",
        "account_manager": "merle@cxcrm.test",
        "arr": "120.5000",
        "is_high_value": True,
        "lost_on": "2026-05-31",
        "created_at": "2026-06-01T10:00:00Z",
    }


def test_a_post_adds_an_account(api, brand):
    response = api.post("accounts/", WANTED | {"brand": "nord"})

    account = Account.objects.get()
    assert response.status_code == 201, response.content
    assert response["Location"].endswith(f"/api/v1/accounts/{account.pk}/")
    read_again = api.get(response["Location"])
    assert read_again.json() == response.json()
    assert read_again["ETag"] == response["ETag"]
    assert response.json()["brand"] == "nord"
    event = TimelineEvent.objects.get()
    assert (event.account_id, event.kind) == (account.pk, TimelineKind.ACCOUNT_ADDED)
    assert event.actor.name == "billing"


def test_names_every_field_that_is_wrong(api, brand):
    body = WANTED | {
        "brand": "south",
        "name": 5,
        "language": "tlh",
        "time_zone": "Mars/Base",
        "country": ["DE"],
    }
    assert error(api.post("accounts/", body)) == (
        422,
        "invalid",
        {
            "brand": "not_found",
            "name": "invalid",
            "language": "invalid_choice",
            "time_zone": "invalid",
            "country": "invalid_choice",
        },
    )
    assert not Account.objects.exists()


def test_names_fields_that_there_are_not(api, brand):
    response = api.post("accounts/", WANTED | {"brand": "nord", "is_high_value": True, "nme": ""})
    assert error(response) == (422, "invalid", {"is_high_value": "unknown", "nme": "unknown"})


def test_a_number_is_given_once_per_brand(api, brand):
    AccountFactory(brand=brand, external_id="K1")
    AccountFactory(external_id="K2")

    refused = api.post("accounts/", WANTED | {"brand": "nord"})
    assert error(refused) == (
        409,
        "external_id_taken",
        {"external_id": "external_id_taken"},
    )
    added = api.post("accounts/", WANTED | {"brand": "nord", "external_id": "K2"})
    assert added.status_code == 201


def test_a_patch_changes_what_it_says(api, brand):
    account = AccountFactory(brand=brand, name="Before", country="DE")

    response = api.patch(f"accounts/{account.pk}/", {"name": "After"})

    assert response.status_code == 200
    assert response.json()["name"] == "After"
    account.refresh_from_db()
    assert (account.name, account.country) == ("After", "DE")


@pytest.mark.parametrize("field", ["id", "brand", "external_id", "arr", "lost_on", "created_at"])
def test_a_patch_cannot_change_the_rest(api, field):
    account = AccountFactory()
    assert error(api.patch(f"accounts/{account.pk}/", {field: "1"})) == (
        422,
        "invalid",
        {field: "unknown"},
    )


def test_reminders_follow_an_account_that_moves(api):
    ReminderPolicyFactory(country="PT", days_before=60)
    contract = ContractFactory(starts_on=date(2046, 1, 15))
    assert contract.remind_on == date(2046, 12, 1)

    api.patch(f"accounts/{contract.account_id}/", {"country": "PT"})

    contract.refresh_from_db()
    assert contract.remind_on == date(2046, 11, 16)


def test_a_put_adds_what_is_not_there_and_changes_what_is(api, brand):
    added = api.put("accounts/", WANTED | {"brand": "nord"})
    assert added.status_code == 201, added.content

    changed = api.put("accounts/", {"brand": "nord", "external_id": "K1", "name": "Nordlicht SE"})
    assert changed.status_code == 200, changed.content
    assert changed.json() == added.json() | {"name": "Nordlicht SE"}
    assert Account.objects.count() == 1


def test_a_put_that_adds_needs_all_that_a_post_needs(api, brand):
    response = api.put("accounts/", {"brand": "nord", "external_id": "K1", "name": "Nordlicht SE"})
    missing = ("customer_kind", "country", "language", "time_zone")
    assert error(response) == (422, "invalid", dict.fromkeys(missing, "required"))


def test_a_put_needs_its_natural_key(api, brand):
    response = api.put("accounts/", {"name": "Nordlicht SE"})
    assert error(response) == (
        422,
        "invalid",
        {"brand": "required", "external_id": "required"},
    )


def test_filters(api, brand):
    lost = AccountFactory(
        brand=brand, country="FR", customer_kind=CustomerKind.CONSUMER, lost_on=NOW
    )
    large = AccountFactory(segment="large", is_high_value=True, created_at=NOW.replace(year=2025))

    for query, found in (
        ({"external_id": lost.external_id}, lost),
        ({"brand": "nord"}, lost),
        ({"country": "FR"}, lost),
        ({"customer_kind": "consumer"}, lost),
        ({"is_lost": "true"}, lost),
        ({"is_high_value": "false"}, lost),
        ({"created_after": "2026-06-01T10:00:00Z"}, lost),
        ({"segment": "large"}, large),
        ({"is_lost": "false"}, large),
        ({"is_high_value": "true"}, large),
        ({"created_before": "2026-06-01T10:00:00Z"}, large),
    ):
        assert ids(api.get("accounts/", **query)) == [found.pk], query
    assert ids(api.get("accounts/", brand="none")) == []


def test_search_finds_by_number_name_contract_and_address(api):
    account = AccountFactory(name="Nordlicht GmbH")
    contract = ContractFactory(account=account)
    ContactFactory(account=account, address="merle@nordlicht.example")
    AccountFactory()

    for text in (account.external_id, "ordli", contract.external_id, "Merle@nordlicht.example"):
        assert ids(api.get("accounts/", search=text)) == [account.pk], text


def test_a_key_of_one_brand_knows_no_other(make_api_client, brand):
    own, foreign = AccountFactory(brand=brand), AccountFactory()
    api = make_api_client(READ, WRITE, brands=[brand])

    assert ids(api.get("accounts/")) == [own.pk]
    assert ids(api.get("accounts/", brand=foreign.brand.code)) == []
    assert ids(api.get("accounts/", search=foreign.external_id)) == []
    assert api.get(f"accounts/{foreign.pk}/").status_code == 404
    assert api.patch(f"accounts/{foreign.pk}/", {"name": "Mine"}).status_code == 404
    body = WANTED | {"brand": foreign.brand.code, "external_id": foreign.external_id}
    refused = (422, "invalid", {"brand": "not_found"})
    assert error(api.put("accounts/", body)) == refused
    assert error(api.post("accounts/", body)) == refused
    foreign.refresh_from_db()
    assert foreign.name != "Mine"


def test_reading_is_not_writing(make_api_client):
    account = AccountFactory()
    api = make_api_client(READ)
    for response in (
        api.post("accounts/", WANTED),
        api.put("accounts/", WANTED),
        api.patch(f"accounts/{account.pk}/", {"name": "After"}),
    ):
        assert response.status_code == 403
    assert make_api_client("customers:import").get("accounts/").status_code == 403
