"""V04: of all that the models hold, a body moves what the description names, and nothing else."""

import itertools
import json
from typing import Any

import pytest

from accounts.models import Account, Cancellation, Contact, Contract, Product, Task
from cxcrm.api.enums import SCOPES
from cxcrm.api.views import description
from tests.api.matrix import OPERATIONS, Operation
from tests.api.world import make_world
from tests.factories import NOW
from tests.tables import table_contents

WRITING = {
    each.name: each
    for each in OPERATIONS
    if each.method != "GET" and not each.path.startswith("imports/")
}
MODELS = (Account, Contact, Contract, Product, Task, Cancellation)
NOTED = {"base.LimitCount", "api.KeyUse", "api.ApiKey"}
KEPT_OF_A_CALL = {"accounts.ImportRun", "accounts.ImportIssue", "base.KeptAnswer"}
# What would tempt, beside the fields of the models: nested rows, and lookups through them.
TEMPTING: dict[str, Any] = {
    "pk": 1,
    "is_staff": True,
    "is_superuser": True,
    "scopes": ["customers:write"],
    "account": {"name": "x", "brand": {"id": 1}},
    "contacts": [{"name": "x"}],
    "brand_id": 1,
    "account__name": "x",
    "__class__": "x",
    "": "x",
}
NESTED = ({"id": 1}, [["x"]], {"brand": {"code": "x"}})


@pytest.fixture(autouse=True)
def clock_stands(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def world(db):
    return make_world()


def documented(operation: Operation) -> set[str]:
    """The fields of the body, as the description of the API has them."""
    document = json.loads(description())
    path = next(
        path
        for path in document["paths"]
        if path.replace("{id}", "{}") == "/api/v1/" + _without_names(operation.path)
    )
    body = document["paths"][path][operation.method.lower()].get("requestBody")
    if body is None:
        return set()
    schema = body["content"]["application/json"]["schema"]
    while "$ref" in schema or "rows" in schema.get("properties", {}):
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        else:
            schema = schema["properties"]["rows"]["items"]
    return set(schema["properties"])


def _without_names(path: str) -> str:
    before, brace, rest = path.partition("{")
    return before + ("{}" + rest.partition("}")[2] if brace else "")


def undocumented(operation: Operation) -> dict[str, Any]:
    names = {
        name
        for model in MODELS
        for field in model._meta.get_fields()
        for name in (field.name, getattr(field, "attname", field.name))
    }
    body = dict.fromkeys(sorted(names), "1") | TEMPTING
    return {name: value for name, value in body.items() if name not in documented(operation)}


@pytest.mark.parametrize("name", WRITING)
def test_whatever_is_not_documented_is_refused_and_moves_nothing(world, make_api_client, name):
    operation = WRITING[name]
    api = make_api_client(*SCOPES)
    others = undocumented(operation)
    is_bulk = operation.path.endswith("/bulk/")
    left_out = NOTED | KEPT_OF_A_CALL if is_bulk else NOTED
    before = table_contents(but=left_out)

    if is_bulk:
        row = operation.body["rows"][0]
        body = {"rows": [row | {name: value} for name, value in others.items()]}
        results = operation.send(api, world, body=body).json()["results"]
        assert {result["status"] for result in results} == {"refused"}
        faults = [fault for result in results for fault in result["errors"]]
    else:
        response = operation.send(api, world, body=operation.body | others)
        assert response.status_code == 422
        faults = response.json()["error"]["fields"]

    assert {fault["field"] for fault in faults if fault["code"] == "unknown"} == set(others)
    assert table_contents(but=left_out) == before


@pytest.mark.parametrize("name", WRITING)
def test_nested_values_are_refused_wherever_a_field_is(world, make_api_client, name):
    operation = WRITING[name]
    api = make_api_client(*SCOPES)
    left_out = NOTED | KEPT_OF_A_CALL
    is_bulk = operation.path.endswith("/bulk/")
    before = table_contents(but=left_out)
    whole = operation.body["rows"][0] if is_bulk else operation.body

    tries = itertools.product(sorted(documented(operation)), NESTED)
    for number, (field, value) in enumerate(tries):
        body = whole | {field: value}
        sent = {"rows": [body]} if is_bulk else body
        response = operation.send(api, world, body=sent, key=str(number))
        if is_bulk:
            assert (field, response.json()["results"][0]["status"]) == (field, "refused")
        else:
            assert (field, response.status_code) == (field, 422)
    assert table_contents(but=left_out) == before
