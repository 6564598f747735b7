"""Below /api/ everything is JSON in the one shape of errors, also where no resource was reached."""

import pytest
from django.test import Client

from accounts.api.customers import BrandViewSet
from tests.api.answers import error
from tests.factories import UserFactory

SHAPE = {"code", "message", "request_id", "fields"}
KINDS_OF_ANSWERS = [
    "application/json",
    "text/html",
    "*/*",
    "image/png, text/html;q=0.1",
    "nonsense",
]


@pytest.fixture
def stranger():
    return Client(raise_request_exception=False)


def is_plain_json(response) -> bool:
    said = response.json()["error"]
    return (
        response["Content-Type"] == "application/json"
        and said.keys() == SHAPE
        and said["request_id"] == response["X-Request-ID"]
        and response["Cache-Control"] == "no-store"
        and not response.cookies
    )


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/", "/api/v2/accounts/", "/api/v1/nowhere/", "/api/v1/accounts"]
)
def test_unknown_address_is_not_found_by_any_method(stranger, method, path):
    response = stranger.generic(method, path, b"{}", content_type="application/json")

    assert error(response) == (404, "not_found", {})
    assert is_plain_json(response)


def test_address_without_its_last_slash_is_no_redirect_with_a_key_either(make_api_client):
    body = {"brand": "x", "external_id": "1"}

    assert make_api_client("customers:write").post("accounts", body).status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/accounts/?search=%00", "/api/v1/%00/", "/api/%00"])
def test_nul_character_in_the_address_is_a_bad_request(stranger, path):
    response = stranger.get(path)

    assert error(response) == (400, "bad_request", {})
    assert is_plain_json(response)


def test_host_that_is_not_served_is_a_bad_request(stranger):
    response = stranger.get("/api/v1/accounts/", headers={"host": "evil.example"})

    assert error(response) == (400, "bad_request", {})
    assert is_plain_json(response)


@pytest.mark.django_db
def test_more_parameters_than_django_reads_are_a_bad_request(make_api_client, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3

    response = make_api_client("customers:read").get("accounts/?a=1&b=1&c=1&d=1")

    assert error(response) == (400, "bad_request", {})
    assert is_plain_json(response)


def test_database_that_is_away_is_told_with_when_to_come_back(make_api_client, request):
    client = make_api_client("customers:read")
    request.getfixturevalue("database_away")

    response = client.get("accounts/")

    assert error(response) == (503, "unavailable", {})
    assert response["Retry-After"] == "10"
    assert is_plain_json(response)


def test_database_that_is_away_before_a_view_is_reached_is_told_alike(
    stranger, transactional_db, request
):
    stranger.force_login(UserFactory(role="agent"))
    request.getfixturevalue("database_away")

    response = stranger.post("/api/v1/accounts/")  # the history asks whose session it is

    assert error(response) == (503, "unavailable", {})
    assert response["Retry-After"] == "10"
    assert is_plain_json(response)


def test_error_of_ours_shows_nothing_of_it(make_api_client, monkeypatch):
    def fail(view):
        raise RuntimeError("a bug with the password")

    monkeypatch.setattr(BrandViewSet, "get_queryset", fail)

    response = make_api_client("customers:read").get("brands/")

    assert error(response) == (500, "internal_error", {})
    assert "password" not in response.content.decode()
    assert is_plain_json(response)


@pytest.mark.parametrize("accept", KINDS_OF_ANSWERS)
def test_no_kind_of_answer_but_json_can_be_had(make_api_client, accept):
    client = make_api_client("customers:read")

    answers = [client.get(path, headers={"Accept": accept}) for path in ("brands/", "brands/1/")]

    is_json = accept in ("application/json", "*/*")
    assert [answer.status_code for answer in answers] == ([200, 404] if is_json else [406, 406])
    assert {answer["Content-Type"] for answer in answers} == {"application/json"}


def test_head_is_answered_as_get_without_a_body(make_api_client):
    client = make_api_client("customers:read")

    head, get = client.send("HEAD", "brands/"), client.get("brands/")

    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Length"] == get["Content-Length"]


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_method_that_a_resource_has_not_is_told_to_keys_alone(make_api_client, stranger, method):
    response = make_api_client("customers:read").send(method, "brands/")

    assert error(response) == (405, "method_not_allowed", {})
    assert is_plain_json(response)
    assert error(stranger.generic(method, "/api/v1/brands/")) == (401, "not_authenticated", {})


@pytest.mark.parametrize("path", ["/api/v1/brands/", "/api/v1/nowhere/"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_no_page_of_another_site_is_let_in(make_api_client, method, path):
    asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}

    response = make_api_client("customers:read").send(method, path, headers=asking)

    assert not [name for name in response.headers if name.lower().startswith("access-control")]
