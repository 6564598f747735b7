"""Whatever comes in is understood or refused: no body is an error of ours."""

import json

import pytest

from accounts.models import Account
from tests.api.answers import error
from tests.factories import AccountFactory, BrandFactory, ContactFactory, ProductFactory

WANTED = {
    "brand": "nord",
    "external_id": "K1",
    "name": "Nordlicht GmbH",
    "customer_kind": "business",
    "segment": "small",
    "country": "DE",
    "region": "BW",
    "language": "de",
    "time_zone": "Europe/Berlin",
}
PERSON = {
    "brand": "nord",
    "account_external_id": "K0",
    "external_id": "P1",
    "name": "Merle",
    "role": "billing",
    "address": "merle@nord.example",
    "phone": "+49721123456",
    "language": "de",
}
PRODUCT = {"brand": "nord", "code": "w", "name": "Web", "family": "hosting", "currency": "EUR"}


@pytest.fixture
def api(make_api_client):
    AccountFactory(brand=BrandFactory(code="nord"), external_id="K0")
    return make_api_client("customers:read", "customers:write", "products:read", "products:write")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": "a", "name": "b"}',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b'{"\\udc00": "a"}',
        b'{"name": ' + b"1" * 5_000 + b"}",
        b"[" * 100_000,
        b'{"name": ' * 5_000,
        b" ",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_no_json(api, method, body):
    path = f"accounts/{Account.objects.get().pk}/" if method == "PATCH" else "accounts/"
    response = api.send(method, path, body=body, headers={"Idempotency-Key": "1"})
    assert error(response) == (400, "parse_error", {})


@pytest.mark.parametrize("body", [[], [WANTED], None, 5, 1.5, "text", True])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_no_object(api, method, body):
    path = f"accounts/{Account.objects.get().pk}/" if method == "PATCH" else "accounts/"
    response = api.send(method, path, body=body, headers={"Idempotency-Key": "1"})
    status, code, fields = error(response)
    assert (status, code, list(fields)) == (422, "invalid", [""])


def test_no_body_at_all(api):
    response = api.send("POST", "accounts/", headers={"Idempotency-Key": "1"})
    status, code, fields = error(response)
    assert (status, code) == (422, "invalid")
    assert set(fields) == set(WANTED) - {"segment", "region"}


ODDITIES = [
    "\0",
    "a\0b",
    "x" * 100_000,
    "‮\u2028\uffff",
    5,
    -1,
    10**40,
    1.5,
    True,
    None,
    [],
    ["a"],
    {},
    {"a": {"b": []}},
    "' OR 1=1 --",
    "{{ 7*7 }}",
]


@pytest.mark.parametrize(
    ("path", "whole"), [("accounts/", WANTED), ("contacts/", PERSON), ("products/", PRODUCT)]
)
def test_odd_values_in_any_field(api, path, whole):
    """They are refused with the name of the field, or shown again as they came."""
    for field in whole:
        for value in ODDITIES:
            response = api.put(path, whole | {field: value})
            if response.status_code in (200, 201):
                assert response.json()[field] == value, (field, value)
            else:
                status, _code, fields = error(response)
                assert (status, list(fields)) == (422, [field]), (field, value)


def test_deep_values(api):
    """Some are too deep to be read, the others for what reads them next."""
    for field in WANTED:
        answers = set()
        for depth in range(50, 1_000, 50):
            deep = b"[" * depth + b"]" * depth
            body = json.dumps(WANTED | {field: "DEEP"}).encode().replace(b'"DEEP"', deep)
            response = api.send("PUT", "accounts/", body=body)
            answers.add((response.status_code, *error(response)[2]))
        assert answers == {(400,), (422, field)}


@pytest.mark.parametrize("field", ["fields", "pk", "\0", "a.b", "ſ", "__class__", "x" * 10_000])
def test_odd_names_of_fields(api, field):
    response = api.post("accounts/", WANTED | {field: 1})
    assert error(response) == (422, "invalid", {field: "unknown"})


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x"])
def test_other_types_of_content(api, content_type):
    response = api.send(
        "POST",
        "accounts/",
        body=WANTED,
        content_type=content_type,
        headers={"Idempotency-Key": "1"},
    )
    assert error(response) == (415, "unsupported_media_type", {})


def test_a_body_that_is_too_large(api):
    response = api.post("accounts/", WANTED | {"name": "x" * 2**20})
    assert error(response) == (413, "body_too_large", {})


@pytest.mark.parametrize(
    ("make", "path"),
    [(AccountFactory, "accounts"), (ContactFactory, "contacts"), (ProductFactory, "products")],
)
def test_methods_that_there_are_not(api, make, path):
    row = make()
    for method, address in (
        ("OPTIONS", f"{path}/"),
        ("OPTIONS", f"{path}/{row.pk}/"),
        ("DELETE", f"{path}/"),
        ("DELETE", f"{path}/{row.pk}/"),
        ("PATCH", f"{path}/"),
        ("POST", f"{path}/{row.pk}/"),
        ("PUT", f"{path}/{row.pk}/"),
        ("TRACE", f"{path}/"),
    ):
        response = api.send(method, address)
        assert error(response) == (405, "method_not_allowed", {}), (method, address)


def test_options_tells_nothing_without_a_key(api):
    api.key = None
    response = api.send("OPTIONS", "accounts/")
    assert response.status_code == 401


def test_head_answers_as_get_does_without_the_body(api):
    account = Account.objects.get()
    got, asked = api.get(f"accounts/{account.pk}/"), api.send("HEAD", f"accounts/{account.pk}/")
    assert (asked.status_code, asked.content, asked["ETag"]) == (200, b"", got["ETag"])
