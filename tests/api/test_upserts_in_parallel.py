"""Two who write the same at the same moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.models import Account, Contact, ImportRun, Product
from accounts.services.imports import upserts
from cxcrm.outbox.services import remember_addresses
from tests.api.answers import error
from tests.api.bulk import ACCOUNT, statuses
from tests.api.test_bulk_safety import ROWS
from tests.factories import (
    AccountFactory,
    BrandFactory,
    ContactFactory,
    ContractFactory,
    ProductFactory,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {
    "external_id": "K1",
    "name": "Second",
    "customer_kind": "business",
    "country": "DE",
    "language": "de",
    "time_zone": "Europe/Berlin",
}


def while_another_adds_it(call, brand):
    """What the call answers that finds the account neither before nor after, but in between."""
    return while_another_writes(
        lambda: AccountFactory(brand=brand, external_id="K1", name="First"), call
    )


def while_another_writes(write, call, *, then=lambda: None):
    """What the call answers that waits for what was written before. `then`: what the other one
    does while it waits."""

    def called():
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            write()
            answer = pool.submit(called)
            wait_until(somebody_waits, 20, "the call meets what is being written")
            then()
        return answer.result()


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone()[0]


@pytest.fixture
def brand():
    return BrandFactory(code="nord")


@pytest.fixture
def api(make_api_client):
    return make_api_client("customers:write")


def test_a_put_that_comes_second_changes_what_the_first_has_added(api, brand):
    body = BODY | {"brand": "nord"}
    answer = while_another_adds_it(lambda: api.put("accounts/", body), brand)
    assert (answer.status_code, answer.json()["name"]) == (200, "Second")
    assert Account.objects.get().name == "Second"


def test_a_post_that_comes_second_is_told(api, brand):
    body = BODY | {"brand": "nord"}
    answer = while_another_adds_it(lambda: api.post("accounts/", body), brand)
    assert error(answer) == (409, "external_id_taken", {"external_id": "external_id_taken"})
    assert Account.objects.get().name == "First"


def add_row(kind: str, brand) -> None:
    """Adds what the row of this kind in `tests.api.bulk` means, and says other things of it."""
    account = {"brand": brand, "external_id": "K1"}
    if kind == "accounts":
        AccountFactory(**account, segment="large")
    elif kind == "products":
        ProductFactory(brand=brand, code="pro", provisioning_hours=9)
    elif kind == "contacts":
        ContactFactory(account=Account.objects.get(**account), external_id="P1")
    else:
        product = Product.objects.get(brand=brand, code="pro")
        account = Account.objects.get(**account)
        ContractFactory(account=account, product=product, external_id="V1", notice_days=9)


@pytest.mark.parametrize("kind", [*ROWS])
def test_rows_in_bulk_that_come_second_change_what_the_first_has_added(make_api_client, kind):
    brand = BrandFactory(code="sun")
    if kind in ("contacts", "contracts"):
        add_row("accounts", brand)
        add_row("products", brand)
    api = make_api_client("customers:import", "products:import", "contracts:import")
    row = ROWS[kind]
    answer = while_another_writes(
        lambda: add_row(kind, brand), lambda: api.post(f"{kind}/bulk/", {"rows": [row]})
    )
    assert statuses(answer) == ["updated"]
    again = api.post(f"{kind}/bulk/", {"rows": [row]})
    assert statuses(again) == ["unchanged"]
    assert again.json()["results"][0]["id"] == answer.json()["results"][0]["id"]


def test_bulk_that_meets_others_again_and_again_is_told_to_come_again(make_api_client, monkeypatch):
    """As if each try found nobody, and then somebody."""
    AccountFactory(brand=BrandFactory(code="sun"), external_id="K1", name="First")
    monkeypatch.setattr(upserts, "known_by_key", lambda kind, keys: {})
    api = make_api_client("customers:import")
    refused = api.post("accounts/bulk/", {"rows": [ACCOUNT]})
    assert error(refused) == (409, "added_meanwhile", {})
    assert int(refused["Retry-After"]) > 0
    assert Account.objects.get().name == "First"
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_import_of_the_same_address_and_contact_is_not_locked_out(api, brand, method):
    """Imports write addresses first, and contacts then."""
    account = AccountFactory(brand=brand, external_id="K1")
    contact = ContactFactory(account=account, external_id="P1")
    address = "merle@nord.example"
    number = {"brand": "nord", "account_external_id": "K1", "external_id": "P1"}
    sent = {
        "PATCH": lambda: api.patch(f"contacts/{contact.pk}/", {"address": address}),
        "PUT": lambda: api.put("contacts/", number | {"address": address}),
    }

    answer = while_another_writes(
        lambda: remember_addresses(addresses=[address]),
        sent[method],
        then=lambda: Contact.objects.select_for_update(nowait=True).get(pk=contact.pk),
    )

    assert (answer.status_code, answer.json()["address"]) == (200, address)
