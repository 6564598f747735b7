"""V01-V03: who may do what by the API: an operation without a row in the matrix fails."""

import re
from datetime import timedelta
from typing import Any

import pytest

from cxcrm.api.enums import SCOPES
from cxcrm.api.models import ApiKey
from cxcrm.api.urls import router
from cxcrm.base import clock
from cxcrm.users.enums import Role
from tests.api.conftest import ApiClient
from tests.api.matrix import BY_NAME, OPERATIONS
from tests.api.world import MARK, make_world
from tests.factories import NOW, BrandFactory, UserFactory
from tests.tables import table_contents

# Refused requests count, too, and a use is noted on its key.
NOTED = {"base.LimitCount", "api.KeyUse", "api.ApiKey"}
# What a bulk call of refused rows leaves: that it was made.
KEPT_OF_A_CALL = {"accounts.ImportRun", "accounts.ImportIssue", "base.KeptAnswer"}
EACH_OPERATION = pytest.mark.parametrize("name", BY_NAME)


@pytest.fixture(autouse=True)
def clock_stands(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def signed_in(world):
    """Browsers with a session, whose cookies open nothing here."""
    BrandFactory(code="other")

    def sign_in(**details: Any) -> ApiClient:
        client = ApiClient(None)
        client.sign_in(UserFactory(**details))
        return client

    return {
        "administrator": sign_in(role=Role.ADMINISTRATOR),
        "agent": sign_in(role=Role.AGENT),
        "customer": sign_in(),
        "contact who may not decide": sign_in(email=world.email),
    }


def of_another_brand(make_api_client) -> ApiClient:
    return make_api_client(*SCOPES, brands=[BrandFactory(code="south", name="South")])


def test_every_operation_has_a_row():
    found = {
        (method.upper(), re.sub(r"\(\?P<pk>[^)]*\)", "{}", str(pattern.pattern)).strip("^$"))
        for pattern in router.urls
        for method in pattern.callback.actions
        if not (method == "head" or is_left_out(pattern, method))
    }
    known = {
        (each.method, re.sub(r"\{\w+\}", "{}", each.path.partition("?")[0])) for each in OPERATIONS
    }
    assert known == found


def is_left_out(pattern: Any, method: str) -> bool:
    """The router leads all methods to actions; of these the resource has no such one."""
    return not hasattr(pattern.callback.cls, pattern.callback.actions[method])


@EACH_OPERATION
def test_scope_opens_it(world, make_api_client, name):
    operation = BY_NAME[name]

    response = operation.send(make_api_client(operation.scope), world)

    assert response.status_code in (200, 201, 202), response.content
    # Of what the world has, it is shown.
    assert operation.method != "GET" or MARK in response.content.decode()


@EACH_OPERATION
def test_whoever_may_not_is_refused_and_writes_nothing(world, signed_in, make_api_client, name):
    operation = BY_NAME[name]
    expired, revoked = make_api_client(*SCOPES), make_api_client(*SCOPES)
    passed = clock.now() - timedelta(seconds=1)
    ApiKey.objects.filter(prefix=expired.key.split("_")[1]).update(expires_at=passed)
    ApiKey.objects.filter(prefix=revoked.key.split("_")[1]).update(revoked_at=passed)
    denied = {
        "nobody": (ApiClient(None), 401),
        "a wrong key": (ApiClient("cx_aaaaaaaaaa_" + "a" * 43), 401),
        "an expired key": (expired, 401),
        "a revoked key": (revoked, 401),
        "all other scopes": (make_api_client(*operation.all_other_scopes), 403),
        "another network": (make_api_client(*SCOPES, networks=["192.0.2.0/24"]), 403),
    } | {name: (client, 401) for name, client in signed_in.items()}
    before = table_contents(but=NOTED)

    answers = {
        persona: operation.send(client, world, key=str(number))
        for number, (persona, (client, _status)) in enumerate(denied.items())
    }

    assert {persona: answer.status_code for persona, answer in answers.items()} == {
        persona: status for persona, (_client, status) in denied.items()
    }
    assert not [each for each, answer in answers.items() if MARK in answer.content.decode()]
    assert table_contents(but=NOTED) == before


@EACH_OPERATION
def test_key_of_another_brand_sees_and_changes_nothing(world, make_api_client, name):
    operation = BY_NAME[name]
    api = of_another_brand(make_api_client)
    is_bulk = operation.path.endswith("/bulk/")
    left_out = NOTED | KEPT_OF_A_CALL if is_bulk else NOTED
    before = table_contents(but=left_out)

    response = operation.send(api, world)

    assert response.status_code == operation.abroad, response.content
    assert table_contents(but=left_out) == before
    if is_bulk:  # it says again what came in
        [row] = response.json()["results"]
        assert (row["status"], row["id"]) == ("refused", None)
    else:
        assert MARK not in response.content.decode()


LISTS = [each.path for each in OPERATIONS if each.method == "GET" and "{" not in each.path]
NAMING_IT = {
    "account": "{account}",
    "contract": "{contract}",
    "brand": MARK,
    "code": MARK,
    "external_id": MARK,
    "account_external_id": MARK,
    "product_code": MARK,
    "search": MARK,
    "address": f"{MARK}@customers.example",
}


@pytest.mark.parametrize("path", LISTS)
def test_foreign_rows_are_found_by_no_parameter(world, make_api_client, path):
    api = of_another_brand(make_api_client)
    for name, value in NAMING_IT.items():
        response = api.get(path, **{name: world.path(value)})

        if response.status_code == 400:  # not a parameter of this resource
            assert [each["field"] for each in response.json()["error"]["fields"]] == [name]
        else:
            assert (name, response.json()["results"]) == (name, [])


@pytest.mark.parametrize("path", LISTS)
def test_cursor_of_another_key_shows_none_of_its_rows(world, make_api_client, path):
    make_world(f"{MARK}-too")
    whole = make_api_client(*SCOPES).get(path, limit=1).json()
    assert whole["next"] is not None

    response = of_another_brand(make_api_client).get(whole["next"])

    assert response.status_code == 200
    assert [row for row in response.json()["results"] if MARK in str(row)] == []


def test_foreign_contact_declares_nothing(world, make_api_client):
    south = make_world("south")
    api = make_api_client(*SCOPES, brands=[south.brand])
    before = table_contents(but=NOTED)

    for deed, body in {"cancel": {"kind": "ordinary"}, "keep": {}}.items():
        path = south.path(f"contracts/{{contract}}/{deed}/")
        response = api.post(path, body | {"contact": world.ids["contact"]})

        assert response.status_code == 422
        assert [each["field"] for each in response.json()["error"]["fields"]] == ["contact"]
    assert table_contents(but=NOTED) == before


def test_what_is_expanded_needs_the_scope_of_its_own_group(world, make_api_client):
    path = world.path("contracts/{contract}/?expand=account")

    assert make_api_client("contracts:read").get(path).status_code == 403
    assert make_api_client("contracts:read", "customers:read").get(path).status_code == 200
