"""The description of the API: complete, valid, and for nobody but those whom it is for."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from cxcrm.api.views import description
from cxcrm.users.enums import Role
from tests.factories import UserFactory

SCHEMA, DOCS = "/api/v1/schema/", "/api/v1/docs/"


@pytest.fixture(scope="module")
def document() -> dict:
    return json.loads(description())


@pytest.fixture(scope="module")
def operations(document) -> list[tuple[str, str, dict]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_description_is_valid_and_made_without_a_warning():
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_every_operation_says_what_it_does_by_a_name_of_its_own(operations):
    names = [operation["operationId"] for _method, _path, operation in operations]

    assert len(set(names)) == len(names)
    assert {"accounts_list", "accounts_get", "contracts_cancel"} <= set(names)
    assert [operation for *_at, operation in operations if not operation["summary"]] == []
    assert [operation["security"] for *_at, operation in operations] == [
        [{"key": []}] for _operation in operations
    ]


def test_components_are_described_by_words_of_their_own(document):
    told = {
        name: component.get("description", "")
        for name, component in document["components"]["schemas"].items()
        if component.get("type") == "object"
    }

    assert told["Account"] == told["CancelRequest"] == ""
    assert told["KeepRequest"] == "A customer stays beyond the next renewal date."


def test_every_operation_documents_its_errors_in_the_one_shape(operations):
    lacking = [
        (method, path, code)
        for method, path, operation in operations
        for code in ("400", "401", "403", "406", "429", "503")
        if code not in operation["responses"]
    ]
    shapes = {
        answer["content"]["application/json"]["schema"]["$ref"]
        for *_at, operation in operations
        for code, answer in operation["responses"].items()
        if code >= "400"
    }

    assert lacking == []
    assert shapes == {"#/components/schemas/Error"}


def test_every_body_and_every_answer_has_an_example(operations):
    parts = [
        (method, path, code, part)
        for method, path, operation in operations
        for code, holder in [
            *operation["responses"].items(),
            ("body", operation.get("requestBody", {})),
        ]
        for part in holder.get("content", {}).values()
    ]

    assert parts
    assert [at for *at, part in parts if not part.get("examples") and "example" not in part] == []


def test_headers_are_documented_where_they_matter(operations):
    for method, path, operation in operations:
        sent = {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}
        assert ("Idempotency-Key" in sent) == (method == "post"), path
        is_deed = method == "post" and "{id}" in path
        assert ("If-Match" in sent) == (method in {"patch", "put"} or is_deed), path
        for code, answer in operation["responses"].items():
            told = set(answer["headers"])
            assert "X-Request-ID" in told
            assert ("Retry-After" in told) == (code in {"429", "503"})


def test_lists_name_what_can_be_chosen_and_expanded(document):
    parameters = document["paths"]["/api/v1/accounts/"]["get"]["parameters"]
    choices = {
        parameter["name"]: parameter["schema"]["items"]["enum"]
        for parameter in parameters
        if parameter["name"] in {"fields", "expand"}
    }

    assert choices["expand"] == ["brand"]
    assert {"id", "external_id", "name"} <= set(choices["fields"])


@pytest.mark.django_db
@pytest.mark.parametrize("path", [SCHEMA, DOCS])
def test_description_is_open_to_staff_and_in_a_demo(path, client, settings):
    assert client.get(path).status_code == (401 if path == SCHEMA else 302)
    client.force_login(UserFactory())
    assert client.get(path).status_code == 403
    client.force_login(UserFactory(role=Role.EXECUTIVE))
    assert client.get(path).status_code == 200

    settings.CXCRM_DEMO = True
    assert Client().get(path).status_code == 200


def test_description_is_open_to_keys(make_api_client):
    assert make_api_client("mails:read").get("schema/").status_code == 200


@pytest.mark.django_db
def test_page_has_no_script_of_its_own(client):
    client.force_login(UserFactory(role=Role.AGENT))
    page = client.get(DOCS)

    assert "unsafe" not in page["Content-Security-Policy"]
    assert page.content.decode().count("<script src=") == page.content.decode().count("<script")
