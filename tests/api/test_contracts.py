from datetime import date
from decimal import Decimal

import pytest

from accounts.enums import CancellationKind, ContractState
from accounts.models import Contract
from accounts.services.cancellations import cancel_contract
from tests.api.answers import MOST_QUERIES
from tests.factories import (
    NOW,
    AccountFactory,
    BrandFactory,
    ContractFactory,
    ProductFactory,
    UserFactory,
    cancel,
)

TERMS = {
    "external_id": "V-1",
    "product_code": "pro",
    "starts_on": "2026-05-01",
    "first_term_months": 12,
    "after_term": "renews",
    "renewal_term_months": 12,
    "notice_months": 1,
    "price": "9.90",
    "tax_rate": "19.00",
    "currency": "EUR",
    "billing_period_months": 1,
}


@pytest.fixture(autouse=True)
def clock_stands(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def api(make_api_client):
    return make_api_client("contracts:read", "contracts:write")


@pytest.fixture
def account():
    account = AccountFactory(brand=BrandFactory(code="sun"), external_id="K-7")
    ProductFactory(brand=account.brand, code="pro")
    return account


def new_contract(**changes):
    body = {"brand": "sun", "account_external_id": "K-7"} | TERMS | changes
    return {name: value for name, value in body.items() if value is not ...}


def ids(response) -> list[int]:
    return [row["id"] for row in response.json()["results"]]


def faults(response) -> tuple[int, list[tuple[str, str]]]:
    error = response.json()["error"]
    return response.status_code, [(fault["field"], fault["code"]) for fault in error["fields"]]


def test_contract_is_shown_with_terms_dates_and_natural_keys(api, account):
    product = ProductFactory(brand=account.brand, code="basic")
    contract = ContractFactory(
        account=account, product=product, external_id="V-9", tax_rate=Decimal(19)
    )
    assert api.get(f"contracts/{contract.pk}/").json() == {
        "id": contract.pk,
        "brand": "sun",
        "external_id": "V-9",
        "account": account.pk,
        "account_external_id": "K-7",
        "product": product.pk,
        "product_code": "basic",
        "state": "running",
        "concluded_on": "2026-01-15",
        "starts_on": "2026-01-15",
        "first_term_months": 12,
        "after_term": "renews",
        "renewal_term_months": 12,
        "notice_months": 1,
        "notice_days": 0,
        "ends_on": None,
        "price": "10.00",
        "renewal_price": None,
        "tax_rate": "19.00",
        "currency": "EUR",
        "billing_period_months": 1,
        "is_trial": False,
        "yearly_value": "120.0000",
        "renewal_date": "2027-01-15",
        "notice_deadline": "2026-12-14",
        "remind_on": "2026-12-01",
        "awaits_decision": False,
        "earliest_end": "2027-01-14",
        "cancellation": None,
    }


def test_earliest_end_counts_from_the_customers_own_day(api, time_machine):
    contract = ContractFactory(account=AccountFactory(time_zone="America/Los_Angeles"))
    # Already the day after the last day of notice in UTC, still that day where the customer lives.
    time_machine.move_to("2026-12-15T07:00:00+00:00", tick=False)
    assert api.get(f"contracts/{contract.pk}/").json()["earliest_end"] == "2027-01-14"
    time_machine.move_to("2026-12-15T09:00:00+00:00", tick=False)
    assert api.get(f"contracts/{contract.pk}/").json()["earliest_end"] == "2028-01-14"


def test_contract_of_another_brand_does_not_exist(make_api_client):
    mine, foreign = ContractFactory(), ContractFactory()
    api = make_api_client("contracts:read", "contracts:write", brands=[mine.brand])
    assert ids(api.get("contracts/")) == [mine.pk]
    assert ids(api.get("contracts/", external_id=foreign.external_id)) == []
    assert api.get(f"contracts/{foreign.pk}/").status_code == 404
    for deed in ("cancel", "withdraw-cancellation", "keep"):
        body = {"kind": "ordinary"} if deed == "cancel" else {}
        assert api.post(f"contracts/{foreign.pk}/{deed}/", body).status_code == 404
    refused = api.post("contracts/", new_contract(brand=foreign.brand.code))
    assert faults(refused) == (422, [("brand", "not_found")])


@pytest.mark.parametrize(
    "query",
    [
        {"external_id": "V-1"},
        {"brand": "sun"},
        {"account_external_id": "K-7"},
        {"product_code": "pro"},
        {"family": "domain"},
        {"state": "running"},
        {"is_cancelled": "false", "brand": "sun"},
        {"awaits_decision": "false", "brand": "sun"},
        {"search": "V-1"},
        {"search": "K-7"},
    ],
)
def test_filters_find_the_one_and_leave_out_the_other(api, account, query):
    product = ProductFactory(brand=account.brand, code="pro-2", family="domain")
    wanted = ContractFactory(
        account=account,
        product=product if "family" in query else account.brand.products.get(code="pro"),
        external_id="V-1",
        starts_on=date(2026, 5, 1),
    )
    ContractFactory(starts_on=date(2026, 7, 1) if "state" in query else date(2026, 1, 15))
    assert ids(api.get("contracts/", **query)) == [wanted.pk]


def test_range_of_renewal_dates_has_both_its_days(api):
    early, late = ContractFactory(starts_on=date(2026, 3, 1)), ContractFactory()

    def found(first: str, last: str) -> list[int]:
        return ids(api.get("contracts/", renewal_date_from=first, renewal_date_until=last))

    assert found("2027-01-15", "2027-03-01") == [early.pk, late.pk]
    assert found("2027-01-16", "2027-03-01") == [early.pk]
    assert found("2027-01-15", "2027-02-28") == [late.pk]


def test_contracts_are_found_by_how_they_end(api):
    ContractFactory()
    ending, undecided = ContractFactory(), ContractFactory()
    cancel(ending, date(2026, 9, 30))
    cancel(undecided, None)
    assert ids(api.get("contracts/", is_cancelled="true")) == [ending.pk, undecided.pk]
    assert ids(api.get("contracts/", awaits_decision="true")) == [undecided.pk]
    assert ids(api.get("contracts/", ends_on_from="2026-09-30")) == [ending.pk]
    assert ids(api.get("contracts/", ends_on_until="2026-09-29")) == []
    assert ids(api.get("contracts/", account=ending.account_id)) == [ending.pk]


@pytest.mark.parametrize(
    ("query", "at_fault"),
    [
        ({"is_cancelled": "perhaps"}, "is_cancelled"),
        ({"renewal_date_from": "05/01/2027"}, "renewal_date_from"),
        ({"account": "9" * 30}, "account"),
        ({"account": "1.5"}, "account"),
        ({"state": "sleeping"}, "state"),
        ({"order": "price"}, "order"),
        ({"expand": "cancellation"}, "expand"),
    ],
)
def test_query_that_cannot_be_understood_names_what_is_wrong(api, query, at_fault):
    response = api.get("contracts/", **query)
    assert response.status_code == 400
    assert [fault["field"] for fault in response.json()["error"]["fields"]] == [at_fault]


def test_by_renewal_date_come_the_running_contracts_that_have_one(api):
    late, early = (
        ContractFactory(starts_on=date(2026, 3, 1)),
        ContractFactory(starts_on=date(2026, 2, 1)),
    )
    ContractFactory(starts_on=date(2026, 7, 1))  # ordered
    cancel(ContractFactory(), date(2026, 9, 30))
    first = api.get("contracts/", order="renewal_date", limit=1)
    assert ids(first) == [early.pk]
    second = api.get(first.json()["next"])
    assert ids(second) == [late.pk]
    assert second.json()["next"] is None
    assert ids(api.get(second.json()["previous"])) == [early.pk]


def test_references_are_expanded_for_keys_that_may_read_them(api, make_api_client):
    contract = ContractFactory()
    refused = api.get("contracts/", expand="account")
    assert refused.status_code == 403
    assert "customers:read" in refused.json()["error"]["message"]

    broad = make_api_client("contracts:read", "customers:read", "products:read")
    [row] = broad.get("contracts/", expand="account,brand,product").json()["results"]
    assert (row["account"]["id"], row["brand"]["code"], row["product"]["code"]) == (
        contract.account_id,
        contract.brand.code,
        contract.product.code,
    )


@pytest.mark.parametrize("query", [{}, {"expand": "account,brand,product"}])
def test_a_list_costs_as_many_queries_for_three_rows_as_for_one(
    make_api_client, django_assert_max_num_queries, query
):
    api = make_api_client("contracts:read", "customers:read", "products:read")

    def add() -> None:
        manager = UserFactory(role="Service agent")
        cancel(ContractFactory(account=AccountFactory(account_manager=manager)), date(2026, 9, 30))

    add()
    api.get("contracts/")  # notes when the key was last used
    with django_assert_max_num_queries(MOST_QUERIES) as one:
        api.get("contracts/", **query)
    for _number in range(2):
        add()
    with django_assert_max_num_queries(len(one)):
        assert len(ids(api.get("contracts/", **query))) == 3


def test_contract_is_added_with_its_dates(api, account):
    response = api.post("contracts/", new_contract())
    assert response.status_code == 201
    contract = Contract.objects.get(brand__code="sun", external_id="V-1")
    assert response["Location"].endswith(f"/api/v1/contracts/{contract.pk}/")
    assert response["ETag"] == api.get(f"contracts/{contract.pk}/")["ETag"]
    assert response.json() == api.get(f"contracts/{contract.pk}/").json()
    assert (contract.state, contract.renewal_date) == (ContractState.RUNNING, date(2027, 5, 1))
    assert contract.timeline.get().actor.is_machine


def test_number_that_is_taken_is_a_conflict_and_adds_nothing(api, account):
    assert api.post("contracts/", new_contract()).status_code == 201
    again = api.post("contracts/", new_contract(price="11.00"))
    assert faults(again) == (409, [("external_id", "external_id_taken")])
    assert Contract.objects.get().price == Decimal("9.90")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"account_external_id": "K-8"}, ("account_external_id", "not_found")),
        ({"product_code": "unknown"}, ("product_code", "not_found")),
        ({"product_code": "a\0b"}, ("product_code", "control_character")),
        ({"external_id": "A\nB\x07"}, ("external_id", "control_character")),
        ({"price": "-1.00"}, ("price", "min_value")),
        ({"price": 9.9}, ("price", "invalid")),
        ({"price": ...}, ("price", "required")),
        ({"currency": "eur"}, ("currency", "invalid")),
        ({"starts_on": "0001-01-01"}, ("starts_on", "out_of_range")),
        ({"ends_on": "2026-04-30"}, ("", "invalid")),
        ({"renewal_term_months": ...}, ("renewal_term_months", "term_missing")),
        ({"first_term_months": None}, ("first_term_months", "term_missing")),
        ({"after_term": "open_ended"}, ("", "invalid")),
        ({"billing_period_months": 0}, ("billing_period_months", "min_value")),
        ({"external_id": ""}, ("external_id", "blank")),
        ({"state": "ended"}, ("state", "unknown")),
    ],
)
def test_terms_that_do_not_fit_are_refused_by_field(api, account, changes, fault):
    assert faults(api.post("contracts/", new_contract(**changes))) == (422, [fault])
    assert not Contract.objects.exists()


def test_product_of_another_brand_does_not_exist(api, account):
    ProductFactory(code="theirs")
    refused = api.post("contracts/", new_contract(product_code="theirs"))
    assert faults(refused) == (422, [("product_code", "not_found")])


def test_terms_cannot_be_changed(api):
    contract = ContractFactory()
    assert api.patch(f"contracts/{contract.pk}/", {"price": "1.00"}).status_code == 405


def test_shows_the_cancellation_that_stands_and_none_that_was_taken_back(api):
    contract = ContractFactory()
    cancel_contract(
        contract_id=contract.pk, kind=CancellationKind.ORDINARY, received_at=NOW, at=NOW
    )
    assert api.get(f"contracts/{contract.pk}/").json()["cancellation"]["kind"] == "ordinary"
    api.post(f"contracts/{contract.pk}/withdraw-cancellation/", {})
    assert api.get(f"contracts/{contract.pk}/").json()["cancellation"] is None
