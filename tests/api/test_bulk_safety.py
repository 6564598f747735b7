"""Whatever comes in bulk, whenever it breaks off: all of it or nothing, and never an error."""

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from threading import Event

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account, Contract, ImportRun
from accounts.services.imports import upserts
from accounts.services.imports.api_rows import FORMATS
from accounts.sql.import_staging import release_import_lock, take_import_lock
from cxcrm.base.models import KeptAnswer
from tests.accounts.imports.test_import_killed import database_url
from tests.api.bulk import ACCOUNT, CONTACT, CONTRACT, PRODUCT, send_lines, statuses
from tests.factories import AccountFactory, BrandFactory, ContractFactory, ProductFactory
from tests.servers import REPOSITORY
from tests.waiting import wait_until

ROWS = {"accounts": ACCOUNT, "contacts": CONTACT, "products": PRODUCT, "contracts": CONTRACT}
FIELDS = [(kind.value, name) for kind, form in FORMATS.items() for name in form.fields]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**400), 10**400),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=300),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zs"]), min_size=1, max_size=5),
    st.sampled_from(["0001-01-01", "2026-02-30", "9999-12-31", "1e400", "-0", "=1+1", "\ud800"]),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


@pytest.fixture
def api(make_api_client):
    brand = BrandFactory(code="sun")
    ContractFactory(
        account=AccountFactory(brand=brand, external_id="K1"),
        product=ProductFactory(brand=brand, code="pro"),
        external_id="V1",
    )
    return make_api_client("customers:import", "products:import", "contracts:import")


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=st.lists(st.tuples(st.sampled_from(FIELDS), VALUES), min_size=1, max_size=4))
def test_any_value_of_any_field_is_taken_or_refused_by_its_name(api, said):
    kind = said[0][0][0]
    rows = [ROWS[kind] | {name: value} for (of, name), value in said if of == kind]
    body = "\n".join(json.dumps(row) for row in rows).encode()
    key = f"{ImportRun.objects.count()}"
    response = send_lines(api, f"{kind}/bulk/", body, idempotency_key=key)
    for result in response.json()["results"]:
        assert bool(result["errors"]) == (result["status"] == "refused")
        names = {fault["field"] for fault in result["errors"] + result["warnings"]}
        assert names <= {*FORMATS[kind].fields, ""}
    assert set(statuses(response)) <= {"created", "updated", "unchanged", "refused"}


@pytest.mark.django_db
def test_same_key_is_answered_as_before_and_writes_nothing_again(api):
    body = {"rows": [CONTRACT | {"price": 7}, CONTRACT | {"external_id": "V2"}, {"brand": "x"}]}
    first = api.post("contracts/bulk/", body, idempotency_key="nightly-1")
    Contract.objects.filter(external_id="V1").update(price=1)
    again = api.post("contracts/bulk/", body, idempotency_key="nightly-1")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert Contract.objects.get(external_id="V1").price == 1
    assert ImportRun.objects.count() == 1
    other = api.post("contracts/bulk/", {"rows": body["rows"][:1]}, idempotency_key="nightly-1")
    assert other.json()["error"]["code"] == "idempotency_key_reused"


@pytest.mark.django_db(transaction=True)
def test_call_beside_an_import_is_told_to_come_again(api, other_session, monkeypatch):
    monkeypatch.setattr(upserts, "SECONDS_TO_WAIT", 1)
    assert other_session.submit(take_import_lock).result()
    body = {"rows": [CONTRACT | {"price": 7}]}
    refused = api.post("contracts/bulk/", body, idempotency_key="nightly-1")
    other_session.submit(release_import_lock).result()
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "import_is_running")
    assert int(refused["Retry-After"]) > 0
    assert not ImportRun.objects.exists()
    # Nothing has happened, so the same key may come again; and the lock is let go of with it.
    assert statuses(api.post("contracts/bulk/", body, idempotency_key="nightly-1")) == ["updated"]
    assert other_session.submit(take_import_lock).result()
    other_session.submit(release_import_lock).result()


@pytest.mark.django_db(transaction=True)
def test_error_while_merging_leaves_nothing_and_the_next_call_works(api, monkeypatch):
    def break_off(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(upserts, "finish_run", break_off)
    body = {"rows": [CONTRACT | {"price": 7}]}
    assert api.post("contracts/bulk/", body, idempotency_key="nightly-1").status_code == 500
    monkeypatch.undo()
    assert Contract.objects.get().price != 7
    assert not ImportRun.objects.exists()
    assert statuses(api.post("contracts/bulk/", body, idempotency_key="nightly-1")) == ["updated"]


def change_name_until_somebody_waits(held: Event) -> None:
    with transaction.atomic():
        Account.objects.filter(external_id="K1").update(name="As the agent says")
        held.set()
        wait_until(somebody_waits, 10, "somebody waits for the account")


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_what_others_change_meanwhile_is_not_written_back(api, other_session):
    held = Event()
    agent = other_session.submit(change_name_until_somebody_waits, held)
    assert held.wait(10)
    row = {"brand": "sun", "external_id": "K1", "segment": "large"}
    response = api.post("accounts/bulk/", {"rows": [row]})
    agent.result()
    assert statuses(response) == ["updated"]
    assert Account.objects.values("name", "segment").get() == {
        "name": "As the agent says",
        "segment": "large",
    }


# Sends a call whose process dies when all is written and nothing is committed.
SCRIPT = """
import os, signal, sys, django
django.setup()
from django.test import Client
from accounts.services.imports import upserts
finish = upserts.finish_run
def die(*args, **kwargs):
    finish(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
upserts.finish_run = die
Client(SERVER_NAME="127.0.0.1").generic(
    "POST", "/api/v1/contracts/bulk/", sys.argv[1].encode(), "application/json",
    headers={"Authorization": "Bearer " + os.environ["KEY"], "Idempotency-Key": "nightly-1"},
)
"""


@pytest.mark.django_db(transaction=True)
def test_killed_call_has_written_nothing_and_its_repetition_all(api):
    body = {"rows": [CONTRACT | {"price": 7}, CONTRACT | {"external_id": "V2"}]}
    died = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(body)],
        cwd=REPOSITORY,
        env=os.environ
        | {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "cxcrm.settings",
            "KEY": api.key,
        },
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert not ImportRun.objects.exists()
    assert not KeptAnswer.objects.exists()
    assert Contract.objects.get().price != 7
    response = api.post("contracts/bulk/", body, idempotency_key="nightly-1")
    assert statuses(response) == ["updated", "created"]
    assert dict(Contract.objects.values_list("external_id", "price")) == {
        "V1": Decimal(7),
        "V2": Decimal("9.90"),
    }
