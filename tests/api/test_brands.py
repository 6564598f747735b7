import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.answers import ids
from tests.factories import BrandFactory


def test_shows_what_a_brand_is_called(make_api_client):
    brand = BrandFactory(code="nord", name="Nordlicht")
    shown = {
        "id": brand.pk,
        "code": "nord",
        "name": "Nordlicht",
        "legal_name": "Nordlicht GmbH",
        "base_url": "https://nord.example",
        "service_address": "service@nord.example",
    }
    api = make_api_client("customers:read")
    assert api.get(f"brands/{brand.pk}/").json() == shown
    assert api.get("brands/", code="nord").json()["results"] == [shown]
    assert ids(api.get("brands/", code="south")) == []


def test_a_key_of_one_brand_knows_no_other(make_api_client):
    own, foreign = BrandFactory(), BrandFactory()
    api = make_api_client("customers:read", brands=[own])
    assert ids(api.get("brands/")) == [own.pk]
    assert api.get(f"brands/{foreign.pk}/").status_code == 404


def test_brands_are_changed_at_the_desk_alone(make_api_client):
    brand = BrandFactory()
    api = make_api_client("customers:read", "customers:write")
    for response in (
        api.post("brands/", {"code": "south"}),
        api.put("brands/", {"code": "south"}),
        api.patch(f"brands/{brand.pk}/", {"name": "South"}),
        api.post(f"brands/{brand.pk}/", {}),
        api.send("DELETE", f"brands/{brand.pk}/"),
    ):
        assert response.status_code == 405
        assert response["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    ["accounts", "contacts", "products", "contracts", "renewal-reminders", "tasks", "timeline"],
)
def test_rows_of_a_brand_are_found_by_its_id(make_api_client, path):
    """By its code PostgreSQL does not know which brand it is, and reads the rows of all."""
    brand = BrandFactory(code="sun")
    groups = ("customers", "products", "contracts", "tasks")
    api = make_api_client(*(f"{group}:read" for group in groups))
    with CaptureQueriesContext(connection) as made:
        assert ids(api.get(f"{path}/", brand="sun")) == []
    [page] = [query["sql"] for query in made if "LIMIT 51" in query["sql"]]
    assert f'"brand_id" = {brand.pk}' in page
    assert '"code" =' not in page
    assert ids(api.get(f"{path}/", brand="moon")) == []
