"""Whoever sends what the description of the API shows is understood."""

import json
from typing import Any

import pytest

from cxcrm.api.enums import SCOPES
from cxcrm.api.views import description
from tests.api.world import make_world
from tests.factories import AccountFactory, ContractFactory, ProductFactory

DOCUMENT = json.loads(description())
# Of bodies in JSON; files are shown by a line that no mapping need fit.
EXAMPLES = [
    (method, path, example["value"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    for example in operation.get("requestBody", {})
    .get("content", {})
    .get("application/json", {})
    .get("examples", {})
    .values()
]
ROWS = {"accounts": "account", "contacts": "contact", "products": "product", "tasks": "task"}


@pytest.fixture
def world(db):
    """Also what the examples name."""
    world = make_world("hostwerk")
    ContractFactory(
        account=AccountFactory(brand=world.brand, external_id="K-10042"),
        product=ProductFactory(brand=world.brand, code="web-m"),
        external_id="V-70815",
    )
    return world


def refused(said: dict[str, Any]) -> list[dict[str, str]]:
    """What of the content is at fault."""
    rows = said["results"] if "results" in said else [said.get("error", {})]
    return [fault for row in rows for fault in row.get("errors") or row.get("fields") or []]


@pytest.mark.parametrize(("method", "path", "body"), EXAMPLES)
def test_example_of_a_body_is_understood(world, make_api_client, method, path, body):
    row = ROWS.get(path.split("/")[3], "contract")

    answer = make_api_client(*SCOPES).send(
        method.upper(),
        path.replace("{id}", str(world.ids[row])),
        body=body,
        headers={"Idempotency-Key": "once"},
    )

    # 409: what the example adds is there.
    assert answer.status_code in (200, 201, 202, 409), answer.content
    assert answer.status_code == 409 or refused(answer.json()) == []


def test_there_are_examples():
    assert {"post", "put", "patch"} == {method for method, _path, _body in EXAMPLES}
