"""V23: whatever the description of the API allows, and what it does not, is answered as it says.

`make fuzz` tries 200 cases and more of each operation; here are a few, the same each time.
"""

import json
import os
import re
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup

from cxcrm.api import authentication
from cxcrm.api.enums import SCOPES
from cxcrm.api.models import MOST_REQUESTS_PER_MINUTE
from cxcrm.api.views import description
from tests.api.world import MARK, World, make_world
from tests.factories import BrandFactory


# Its rows are lines of JSON, which schemathesis cannot write by itself.
@schemathesis.serializer("application/x-ndjson")
def write_lines(context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


FULL = os.environ.get("CXCRM_FUZZ") == "full"
CASES = 200 if FULL else 5
ROUNDS = 5 if FULL else 1
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CONFIG = {
    "checks": {
        "positive_data_acceptance": {
            # No schema can say which ids (404), codes (422), and states (409, 412) there are.
            "expected-statuses": ["2xx", "304", "401", "404", "409", "412", "422"],
        },
        "negative_data_rejection": {
            # 409, 412: that was looked at first. 413, 415: what is wrong is the body as a whole.
            "expected-statuses": ["400", "401", "404", "406", "409", "412", "413", "415", "422"],
        },
    },
    # An address with a NUL is refused before anything is read: `test_outside_views`.
    "generation": {"allow-x00": False},
    # A bulk call is fine where none of its rows is: each is answered for itself.
    "operations": [
        {
            "include-path-regex": "/bulk/$",
            "checks": {"negative_data_rejection": {"enabled": False}},
        }
    ],
    # Each value at its bounds takes minutes for all operations.
    "phases": {"coverage": {"enabled": FULL}},
}
# Where a value of the schema names something that has to be there.
NAMES = {
    "brand": MARK,
    "account_external_id": MARK,
    "product_code": MARK,
    "contract_external_id": MARK,
}
ROWS = {
    "accounts": "account",
    "brands": "brand",
    "contacts": "contact",
    "contracts": "contract",
    "imports": "run",
    "outgoing-mails": "mail",
    "products": "product",
    "renewal-reminders": "reminder",
    "tasks": "task",
    "timeline": "event",
}

schema = schemathesis.openapi.from_dict(
    json.loads(description()), config=SchemathesisConfig.from_dict(CONFIG)
)
TRIED = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=not FULL,
    database=None,
    phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if FULL else [])],
    suppress_health_check=list(HealthCheck),
)
here: dict[str, Any] = {}


@pytest.fixture
def key(transactional_db, make_api_client, monkeypatch) -> str:
    # One of the checks tries wrong keys all the time.
    monkeypatch.setattr(authentication, "WRONG_KEYS_PER_MINUTE", MOST_REQUESTS_PER_MINUTE)
    BrandFactory(code="hostwerk")  # of the examples
    here["world"] = make_world()
    here["cases"] = 0
    return make_api_client(*SCOPES, requests_per_minute=MOST_REQUESTS_PER_MINUTE).key


def speak_of_what_is_there(case: Case) -> None:
    """In two of three cases, so that many succeed; what is to be refused stays as it is."""
    here["cases"] = number = here["cases"] + 1
    if not case.meta.generation.mode.is_positive:
        return
    world: World = here["world"]
    if number % 3 and case.path_parameters:
        case.path_parameters["id"] = str(world.ids[ROWS[case.operation.path.split("/")[3]]])
    if number % 3 and isinstance(case.body, dict):
        case.body |= {name: value for name, value in NAMES.items() if name in case.body}
        case.body.pop("contact", None)
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = f"{number}"
    if case.query:
        make_sense(case.query, world)


def make_sense(query: dict[str, Any], world: World) -> None:
    """What no schema can say of a query."""
    query.pop("cursor", None)  # is taken from a page
    query.pop("mapping", None)  # is made at the desk
    if "expand" in query:
        query.pop("fields", None)  # has to name what is expanded
    if "occurred_at" in query.get("order", ""):
        query["account"] = world.ids["account"]  # by time for one account alone
    if "brand" in query:
        query["brand"] = MARK
    for name, value in query.items():
        if isinstance(value, str) and DAY.match(value):
            query[name] = f"2028{value[4:]}"  # years before 1900 are refused


@schema.parametrize()
@TRIED
def test_operation_does_what_is_described(case, live_server, key):
    speak_of_what_is_there(case)
    case.call_and_validate(base_url=live_server.url, headers={"Authorization": f"Bearer {key}"})


@schema.parametrize()
@TRIED
def test_operation_is_closed_without_a_key(case, live_server, key):
    response = case.call_and_validate(base_url=live_server.url)

    assert response.status_code in (401, 404, 405, 406)


def test_operations_one_after_the_other_do_what_is_described(live_server, key):
    failures = []

    class Journey(schema.as_state_machine()):
        def before_call(self, case: Case) -> None:
            speak_of_what_is_there(case)

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return {
                "base_url": live_server.url,
                "headers": {"Authorization": f"Bearer {key}"},
            }

        def validate_response(self, response: Any, case: Case, **options: Any) -> None:
            # Raised here, the journey would be tried again, with what is there changed by now.
            try:
                super().validate_response(response, case, **options)
            except FailureGroup as failure:
                failures.append(str(failure))

    for _round in range(ROUNDS):
        # Which steps there are depends on what earlier journeys have left, which ends a round.
        with suppress(Flaky):
            Journey.run(settings=settings(TRIED, stateful_step_count=6))

    assert not failures, "\n".join(failures)
