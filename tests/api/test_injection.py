"""V05, V20, V21: what attackers write finds nothing, breaks nothing, and is kept nowhere."""

import json
from itertools import product
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from cxcrm.api.enums import SCOPES
from cxcrm.api.views import description
from cxcrm.base.rest.paging import PARAMETERS
from tests.api.matrix import OPERATIONS
from tests.api.world import MARK, make_world
from tests.architecture.routes import all_routes, path_of

QUOTES = ("'", '"', "')", "`", "$$", "\\", "'''", "%27", "", "1")
TAILS = (
    " OR 1=1 --",
    " OR '1'='1",
    "; DROP TABLE accounts_account; --",
    " UNION SELECT secret_sha256 FROM api_apikey --",
    " AND pg_sleep(9) IS NULL --",
    "; SELECT pg_sleep(9) --",
    " || (SELECT version()) || ",
    "%' OR name LIKE '%",
    "/**/OR/**/1=1#",
    "\n; COMMIT; --",
    "){$gt: 0}",
    "__class__.__mro__",
    "{{7*7}}{0.__init__}",
    "<script>alert(1)</script>",
    "\r\nX-Injected: 1",
    "../../../etc/passwd",
    "\ufeff\u202e\u0661",
    "\U0001f4a9" * 40,
    "9" * 40,
    "a" * 300,
)
PAYLOADS = [quote + tail for quote, tail in product(QUOTES, TAILS)]
LISTS = [each.path for each in OPERATIONS if each.method == "GET" and "{" not in each.path]
HEADERS = ("If-None-Match", "Accept-Language", "X-Request-ID", "Cookie", "Content-Type")


@pytest.fixture
def api(make_api_client):
    make_world()
    return make_api_client(*SCOPES, requests_per_minute=60_000)


def parameters_of(path: str) -> list[str]:
    described = json.loads(description())["paths"][f"/api/v1/{path}"]["get"]["parameters"]
    names = {each["name"] for each in described if each["in"] == "query"}
    return sorted(names | PARAMETERS)


def one_each(payloads: list[str], names: list[str]) -> list[tuple[str, str]]:
    """All payloads, dealt out to the names in turn; each name gets those of its own."""
    return [(names[number % len(names)], each) for number, each in enumerate(payloads)]


def test_there_are_enough_payloads():
    assert len(set(PAYLOADS)) >= 200


@pytest.mark.parametrize("path", LISTS)
def test_payload_in_a_parameter_finds_nothing(api, path):
    names = parameters_of(path)
    for name, payload in one_each(PAYLOADS, names):
        response = api.get(path, **{name: payload})
        assert (name, payload, response.status_code in (200, 400)) == (name, payload, True)
        if response.status_code == 200:
            assert (name, payload, response.json()["results"]) == (name, payload, [])


def test_payload_as_an_id_is_not_found(api):
    paths = [each.path for each in OPERATIONS if each.method == "GET" and "{" in each.path]
    before, _brace, after = zip(*(path.partition("{") for path in paths), strict=True)
    ends = [end.partition("}")[2] for end in after]

    for number, payload in enumerate(PAYLOADS):
        start, end = before[number % len(paths)], ends[number % len(paths)]
        response = api.send("GET", f"/api/v1/{start}{payload.replace('?', '')}{end}")
        assert (payload, response.status_code) == (payload, 404)


@pytest.mark.parametrize("header", HEADERS)
def test_payload_in_a_header_changes_nothing(api, header):
    brands = api.get("brands/").json()

    for payload in PAYLOADS:
        value = payload.encode().decode("latin-1").replace("\r", "").replace("\n", "")
        response = api.get("brands/", headers={header: value})
        assert (payload, response.status_code, response.json()) == (payload, 200, brands)
        assert "X-Injected" not in response


@pytest.mark.django_db
def test_payload_as_a_key_opens_nothing():
    for number, payload in enumerate(PAYLOADS):
        value = payload.encode().decode("latin-1").replace("\r", "").replace("\n", "")
        response = Client(REMOTE_ADDR=f"203.0.113.{number}").get(
            "/api/v1/brands/", headers={"Authorization": f"Bearer {value}"}
        )
        assert (payload, response.status_code) == (payload, 401)


def test_payload_as_an_idempotency_key_is_text(api):
    body = {"brand": MARK, "account_external_id": MARK, "title": "x", "due_on": "2026-06-03"}
    for payload in PAYLOADS:
        key = payload.encode().decode("latin-1").replace("\r", "").replace("\n", "")
        response = api.post("tasks/", body | {"pool": "x"}, idempotency_key=key)
        assert (payload, response.status_code in (400, 422)) == (payload, True)


def test_payload_in_a_body_is_kept_as_it_is_or_refused(api):
    for number, payload in enumerate(PAYLOADS):
        response = api.patch(f"accounts/{Account.objects.get().pk}/", {"name": payload})
        assert (payload, response.status_code in (200, 422)) == (payload, True), number
        if response.status_code == 200:
            assert response.json()["name"] == payload.strip()


# --- V20, V21


@pytest.mark.django_db
def test_stranger_finds_nothing_below_the_api():
    make_world()
    routes = [route for route in all_routes() if route.startswith("/api/")]

    answers = {route: Client().get(path_of(route, {})) for route in routes}

    assert {route: answer.status_code for route, answer in answers.items()} == {
        "/api/": 404,
        "/api/v1/docs/": 302,
    } | {route: 401 for route in routes if route not in ("/api/", "/api/v1/docs/")}
    assert not [each for each in answers.values() if MARK in each.content.decode()]


def test_key_stands_in_no_line_of_the_log(api, caplog):
    secret = api.key.split("_", 2)[2]
    calls: list[Any] = [
        api.get("brands/", code=api.key),
        api.get(f"/api/v1/{api.key}/"),
        api.get("nowhere/", headers={"Authorization": f"Token {api.key}"}),
        Client().get("/api/v1/brands/", headers={"Authorization": f"Bearer {api.key}x"}),
        api.post("tasks/", {"title": api.key}, idempotency_key=api.key),
    ]

    assert [call.status_code for call in calls] == [200, 404, 404, 401, 422]
    assert caplog.records
    assert secret not in caplog.text
