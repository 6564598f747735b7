from decimal import Decimal

import pytest

from accounts.models import Product
from tests.api.answers import error, ids
from tests.factories import BrandFactory, ContractFactory, ProductFactory

READ, WRITE = "products:read", "products:write"
OFFER = {
    "code": "web-m",
    "name": "Web M",
    "family": "hosting",
    "on_offer": True,
    "list_price": "12.00",
    "promotion_price": "1.00",
    "promotion_months": 6,
    "tax_rate": "19.00",
    "currency": "EUR",
    "billing_period_months": 1,
    "first_term_months": 12,
    "after_term": "renews",
    "renewal_term_months": 12,
    "notice_months": 1,
    "notice_days": 0,
    "provisioning_hours": 1,
}


@pytest.fixture
def brand(db):
    return BrandFactory(code="nord")


@pytest.fixture
def api(make_api_client, brand):
    return make_api_client(READ, WRITE)


def test_a_post_adds_a_product(api):
    response = api.post("products/", OFFER | {"brand": "nord"})
    assert response.status_code == 201, response.content
    product = Product.objects.get()
    assert response.json() == {"id": product.pk, "brand": "nord"} | OFFER
    assert api.get(f"products/{product.pk}/").json() == response.json()


def test_one_that_is_not_on_offer_may_be_incomplete(api):
    body = {"brand": "nord", "code": "old", "name": "Old", "family": "hosting"}
    response = api.post("products/", body)
    assert response.status_code == 201, response.content
    assert response.json()["list_price"] is None


def test_an_offer_names_what_it_lacks(api):
    body = OFFER | {"brand": "nord", "tax_rate": None, "notice_days": None, "promotion_price": None}
    status, code, fields = error(api.post("products/", body))
    assert (status, code) == (422, "invalid")
    assert set(fields) == {"tax_rate", "notice_days", "promotion_price"}
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("list_price", 12.5),
        ("list_price", 12),
        ("list_price", "NaN"),
        ("list_price", "1_0.00"),
        ("list_price", "١.00"),
        ("list_price", " 1.00 "),
        ("list_price", "1e1"),
        ("list_price", ".5"),
        ("list_price", "-1"),
        ("list_price", "1e400"),
        ("list_price", "9.999"),
        ("notice_days", "1"),
        ("notice_days", True),
        ("notice_days", 10**30),
        ("notice_days", -1),
        ("on_offer", "yes"),
        ("on_offer", 1),
        ("after_term", "never"),
        ("currency", "euro"),
        ("code", ""),
    ],
)
def test_names_the_field_of_a_value_that_does_not_fit(api, field, value):
    response = api.post("products/", OFFER | {"brand": "nord", field: value})
    assert (response.status_code, list(error(response)[2])) == (422, [field])


def test_a_code_is_given_once_per_brand(api, brand):
    ProductFactory(brand=brand, code="web-m")
    response = api.post("products/", OFFER | {"brand": "nord"})
    assert error(response) == (409, "code_taken", {"code": "code_taken"})


def test_a_patch_leaves_contracts_their_terms(api, brand):
    contract = ContractFactory(account__brand=brand, price=Decimal("10.00"))
    response = api.patch(f"products/{contract.product_id}/", {"list_price": "20.00"})
    assert response.status_code == 200, response.content
    assert response.json()["list_price"] == "20.00"
    contract.refresh_from_db()
    assert contract.price == Decimal("10.00")


def test_a_put_goes_by_brand_and_code(api):
    added = api.put("products/", OFFER | {"brand": "nord"})
    assert added.status_code == 201, added.content
    changed = api.put("products/", {"brand": "nord", "code": "web-m", "name": "Web Medium"})
    assert changed.status_code == 200, changed.content
    assert changed.json() == added.json() | {"name": "Web Medium"}
    assert error(api.put("products/", {"brand": "nord"}))[2] == {"code": "required"}


def test_filters(api, brand):
    product = ProductFactory(brand=brand, code="web-m", family="domain", **_offered())
    ProductFactory()
    for query in ({"brand": "nord"}, {"code": "web-m"}, {"family": "domain"}, {"on_offer": "true"}):
        assert ids(api.get("products/", **query)) == [product.pk], query


def test_a_key_of_one_brand_knows_no_other(make_api_client, brand):
    own, foreign = ProductFactory(brand=brand), ProductFactory()
    api = make_api_client(READ, WRITE, brands=[brand])
    assert ids(api.get("products/")) == [own.pk]
    assert api.get(f"products/{foreign.pk}/").status_code == 404
    assert api.patch(f"products/{foreign.pk}/", {"name": "Mine"}).status_code == 404
    body = OFFER | {"brand": foreign.brand.code, "code": foreign.code}
    assert error(api.put("products/", body)) == (422, "invalid", {"brand": "not_found"})


def test_needs_the_scopes_of_products(make_api_client, brand):
    product = ProductFactory(brand=brand)
    others = make_api_client("customers:read", "customers:write")
    assert others.get("products/").status_code == 403
    assert make_api_client(READ).patch(f"products/{product.pk}/", {}).status_code == 403


def _offered() -> dict:
    names = {"code", "name", "family"}
    return {name: value for name, value in OFFER.items() if name not in names}
