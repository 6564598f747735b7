"""Import jobs: files of any size, carried out by a worker, with state and findings."""

import json

import pytest

from accounts.enums import ImportState
from accounts.models import Account, Contract, ImportRun
from accounts.services.imports.previews import LINES_CHECKED
from accounts.services.imports.queued import run_queued_imports
from accounts.services.imports.saved_mappings import save_mapping
from tests.accounts.imports.feeds import row, write_feed
from tests.api.answers import MOST_QUERIES, error, ids
from tests.api.bulk import ACCOUNT, CONTRACT, ndjson
from tests.factories import NOW, AccountFactory, BrandFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

SCOPES = [
    f"{group}:{verb}"
    for group in ("customers", "products", "contracts")
    for verb in ("read", "import")
]


@pytest.fixture(autouse=True)
def clock_stands(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def brand():
    return BrandFactory(code="sun")


@pytest.fixture
def api(make_api_client, brand):
    return make_api_client(*SCOPES)


def send(client, body: bytes, *, key="once", content_type="application/x-ndjson", **query):
    return client.send(
        "POST",
        "imports/",
        query=query,
        body=body,
        content_type=content_type,
        headers={"Idempotency-Key": key},
    )


def test_lines_in_names_of_the_api_are_taken_in_by_a_worker(api, brand):
    rows = [
        ACCOUNT | {"external_id": f"K{number}", "segment": None if number else "huge"}
        for number in range(3)
    ]
    response = send(api, ndjson(rows), kind="accounts", as_of="2026-05-31")
    run = ImportRun.objects.get()
    queued = response.json()
    assert response.status_code == 202
    assert response["Location"].endswith(f"/api/v1/imports/{run.pk}/")
    assert queued == {
        "id": run.pk,
        "kind": "accounts",
        "state": "queued",
        "file_name": "API",
        "mapping": "API",
        "brand": None,
        "as_of": "2026-05-31",
        "is_dry_run": False,
        "started_at": "2026-06-01T10:00:00Z",
        "finished_at": None,
        "rows_read": 0,
        "rows_refused": 0,
        "contradictions": 0,
        "counts": {},
        "progress": {"step": "", "percent": None},
    }
    assert not Account.objects.exists()

    run_queued_imports(at=NOW)

    done = api.get(response["Location"]).json()
    assert (done["state"], done["rows_read"], done["rows_refused"]) == ("done", 3, 1)
    assert (done["counts"]["accounts"]["added"], done["progress"]) == (2, None)
    assert set(Account.objects.values_list("external_id", flat=True)) == {"K1", "K2"}
    assert not run.chunks.exists()
    issues = api.get(f"imports/{run.pk}/issues/").json()
    assert [(issue["line"], issue["field"]) for issue in issues["results"]] == [(1, "segment")]


def test_dry_run_counts_everything_and_writes_nothing(api, brand):
    response = send(api, ndjson([ACCOUNT]), kind="accounts", dry_run="true")
    run_queued_imports(at=NOW)
    said = api.get(response["Location"]).json()
    assert (said["state"], said["is_dry_run"]) == ("dry_run", True)
    assert said["counts"]["accounts"]["added"] == 1
    assert not Account.objects.exists()


def test_table_comes_in_by_a_mapping_of_the_desk(api, tmp_path):
    BrandFactory(code="web")
    content = {"kind": "contracts", "fields": {name: {"column": name} for name in row()}}
    save_mapping(name="billing", kind="contracts", content=content, at=NOW, actor=UserFactory())
    body = write_feed(tmp_path / "feed.csv", row(), delimiter=";").read_bytes()
    response = send(
        api, body, content_type="text/csv", kind="contracts", mapping="billing", brand="web"
    )
    assert response.status_code == 202, response.content
    run_queued_imports(at=NOW)
    said = api.get(response["Location"]).json()
    assert (said["state"], said["brand"], said["mapping"]) == ("done", "web", "billing")
    assert Contract.objects.get().external_id == "V1"


def test_row_that_leaves_out_what_others_say_is_refused_rather_than_emptied(api, brand):
    AccountFactory(brand=brand, external_id="K1", segment="small")
    bare = {name: value for name, value in ACCOUNT.items() if name != "segment"}
    response = send(api, ndjson([bare, ACCOUNT | {"external_id": "K2"}]), kind="accounts")
    run_queued_imports(at=NOW)
    assert api.get(response["Location"]).json()["rows_refused"] == 1
    assert Account.objects.get(external_id="K1").segment == "small"


def test_import_of_contracts_brings_no_products_along(api, brand):
    AccountFactory(brand=brand, external_id="K1")
    ProductFactory(brand=brand, code="pro")
    rows = [CONTRACT, CONTRACT | {"external_id": "V2", "product_code": "con"}]
    response = send(api, ndjson(rows), kind="contracts")
    run_queued_imports(at=NOW)
    run = api.get(response["Location"]).json()
    issues = api.get(f"imports/{run['id']}/issues/", severity="refused").json()["results"]
    assert issues == [
        {
            "line": 2,
            "field": "product_code",
            "reason": "there is no product of this code",
            "severity": "refused",
        }
    ]
    assert brand.products.count() == 1


@pytest.mark.parametrize(
    ("body", "query", "expected"),
    [
        (b"", {"kind": "accounts"}, (422, "upload_refused", {"file": "upload_refused"})),
        (b"\x00", {"kind": "accounts"}, (422, "upload_refused", {"file": "upload_refused"})),
        (
            ndjson([ACCOUNT | {"nme": "x"}]),
            {"kind": "accounts"},
            (422, "upload_refused", {"file": "upload_refused"}),
        ),
        (
            b'{"external_id": "K1", "brand": "sun"}',
            {"kind": "accounts"},
            (422, "upload_refused", {"file": "upload_refused"}),
        ),
        (
            ndjson([ACCOUNT]),
            {"kind": "accounts", "as_of": "2026-06-03"},
            (422, "upload_refused", {"as_of": "upload_refused"}),
        ),
        (
            ndjson([ACCOUNT]),
            {"kind": "accounts", "mapping": "none"},
            (422, "mapping_refused", {"mapping": "mapping_refused"}),
        ),
        (
            ndjson([ACCOUNT]),
            {"kind": "accounts", "brand": "sun"},
            (422, "upload_refused", {"file": "upload_refused"}),
        ),
        (
            ndjson([{"contract_number": "V1"}]),
            {"kind": "cancellations"},
            (422, "upload_refused", {"mapping": "upload_refused"}),
        ),
        (
            ndjson([{"contract_number": "V1"}]),
            {"kind": "cancellations", "mapping": "API"},
            (422, "mapping_refused", {"mapping": "mapping_refused"}),
        ),
        (
            ndjson([ACCOUNT]),
            {"kind": "accounts", "mapping": "API"},
            (422, "mapping_refused", {"mapping": "mapping_refused"}),
        ),
        *(
            (
                ndjson([ACCOUNT]),
                {"kind": "accounts", "as_of": day},
                (422, "upload_refused", {"as_of": "upload_refused"}),
            )
            for day in ("1999-12-31", "1900-01-01")
        ),
        *(
            (
                ndjson([ACCOUNT]),
                {"kind": "accounts", "as_of": day},
                (400, "invalid_query", {"as_of": "invalid"}),
            )
            for day in ("0001-01-01", "20261122", "2026-W22-1")
        ),
        (ndjson([ACCOUNT]), {}, (400, "invalid_query", {"kind": "invalid"})),
        (ndjson([ACCOUNT]), {"kind": "mails"}, (400, "invalid_query", {"kind": "invalid"})),
        (
            ndjson([ACCOUNT]),
            {"kind": "accounts", "brand": "moon", "as_of": "1.6.2026", "dry_run": "1", "x": "y"},
            (400, "invalid_query", {"x": "invalid"}),
        ),
        (
            ndjson([ACCOUNT]),
            {"kind": "accounts", "brand": "moon", "as_of": "1.6.2026", "dry_run": "1"},
            (
                400,
                "invalid_query",
                {"brand": "invalid", "as_of": "invalid", "dry_run": "invalid"},
            ),
        ),
    ],
)
def test_what_cannot_be_imported_is_told_at_once_and_kept_nowhere(api, body, query, expected):
    assert error(send(api, body, **query)) == expected
    assert not ImportRun.objects.exists()


def test_refusal_of_a_file_names_its_mapping(api, brand):
    refused = send(api, b'{"external_id": "K1", "brand": "sun"}', kind="accounts")
    assert "mapping API needs them" in refused.json()["error"]["message"]


def test_first_lines_are_looked_at_at_once_and_the_rest_by_the_worker(api, brand):
    rows = [ACCOUNT | {"external_id": f"K{number}"} for number in range(LINES_CHECKED)]
    told = send(api, ndjson([*rows[:-1], ACCOUNT | {"nme": "x"}]), kind="accounts")
    assert error(told) == (422, "upload_refused", {"file": "upload_refused"})
    taken = send(api, ndjson([*rows, ACCOUNT | {"nme": "x"}]), kind="accounts", key="2")
    assert taken.status_code == 202
    run_queued_imports(at=NOW)
    assert api.get(taken["Location"]).json()["state"] == "refused"
    assert not Account.objects.exists()


def test_column_of_a_late_line_counts_under_a_mapping_of_the_desk(api):
    BrandFactory(code="web")
    first = {name: value for name, value in row().items() if name != "segment"}
    content = {"kind": "contracts", "fields": {name: {"column": name} for name in row()}}
    save_mapping(name="billing", kind="contracts", content=content, at=NOW, actor=UserFactory())
    rows = [
        first | {"contract_number": f"V{number}", "account_number": f"K{number}"}
        for number in range(LINES_CHECKED)
    ]
    body = ndjson([*rows, row(contract_number="V", account_number="K", segment="large")])
    response = send(api, body, kind="contracts", mapping="billing", brand="web")
    assert response.status_code == 202, response.content
    run_queued_imports(at=NOW)
    assert Account.objects.get(segment="large").external_id == "K"


def test_same_key_starts_one_import(api, brand):
    first, again = (send(api, ndjson([ACCOUNT]), kind="accounts") for _ in range(2))
    assert (again.content, again["Location"]) == (first.content, first["Location"])
    assert again["Idempotent-Replayed"] == "true"
    assert ImportRun.objects.count() == 1
    other = send(api, ndjson([ACCOUNT]), kind="accounts", dry_run="true")
    assert error(other)[:2] == (422, "idempotency_key_reused")


def test_import_belongs_to_the_group_of_its_kind(make_api_client, brand):
    customers = make_api_client("customers:import", "customers:read")
    assert send(customers, ndjson([CONTRACT]), kind="contracts").status_code == 403
    assert send(customers, ndjson([ACCOUNT]), kind="accounts").status_code == 202
    run = ImportRun.objects.get()
    contracts = make_api_client("contracts:read")
    assert ids(contracts.get("imports/")) == []
    assert contracts.get(f"imports/{run.pk}/").status_code == 404
    assert contracts.get(f"imports/{run.pk}/issues/").status_code == 404
    assert make_api_client("tasks:read").get("imports/").status_code == 403
    assert ids(make_api_client("customers:read").get("imports/")) == [run.pk]


def test_file_that_may_bring_customers_and_products_needs_their_scopes(
    make_api_client, brand, tmp_path
):
    body = write_feed(tmp_path / "feed.csv", row()).read_bytes()
    query = {"kind": "contracts", "mapping": "standard", "brand": "sun"}
    contracts = make_api_client("contracts:import", "customers:import")
    assert send(contracts, body, content_type="text/csv", **query).status_code == 403
    everything = make_api_client(*SCOPES)
    assert send(everything, body, content_type="text/csv", **query).status_code == 202


def test_key_of_some_brands_says_one_and_sees_what_it_started(make_api_client, brand):
    moon = BrandFactory(code="moon")
    ours = make_api_client(*SCOPES, brands=[brand])
    everyone = make_api_client(*SCOPES)
    theirs = make_api_client(*SCOPES, brands=[brand, moon])
    bare = {name: value for name, value in ACCOUNT.items() if name != "brand"}
    assert error(send(ours, ndjson([ACCOUNT]), kind="accounts")) == (
        422,
        "brand_needed",
        {"brand": "brand_needed"},
    )
    foreign = send(ours, ndjson([bare]), kind="accounts", brand="moon")
    assert error(foreign) == (400, "invalid_query", {"brand": "invalid"})
    location = send(ours, ndjson([bare]), kind="accounts", brand="sun")["Location"]
    run = ImportRun.objects.get()
    assert ids(ours.get("imports/")) == ids(everyone.get("imports/")) == [run.pk]
    assert ids(theirs.get("imports/")) == []
    assert (ours.get(location).status_code, theirs.get(location).status_code) == (200, 404)
    run_queued_imports(at=NOW)
    assert Account.objects.get().brand == brand


def test_key_of_some_brands_reads_what_its_bulk_calls_are_kept_as(make_api_client, brand):
    moon = BrandFactory(code="moon")
    ours = make_api_client(*SCOPES, brands=[brand, moon])
    others = make_api_client(*SCOPES, brands=[brand, moon])
    rows = [ACCOUNT, ACCOUNT | {"brand": "moon"}, {"brand": "venus"}]
    run = ours.post("accounts/bulk/", {"rows": rows}).json()["import"]
    assert ours.get(f"imports/{run}/").json()["brand"] is None
    assert len(ours.get(f"imports/{run}/issues/").json()["results"]) > 0
    assert (ids(ours.get("imports/")), ids(others.get("imports/"))) == ([run], [])


def test_findings_are_paged_in_the_order_of_lines(api, brand):
    rows = [ACCOUNT | {"external_id": f"K{number}", "country": "XX"} for number in range(7)]
    run = send(api, ndjson(rows), kind="accounts").json()["id"]
    run_queued_imports(at=NOW)
    page = api.get(f"imports/{run}/issues/", limit=3).json()
    lines = [issue["line"] for issue in page["results"]]
    while page["next"]:
        page = api.get(page["next"]).json()
        lines += [issue["line"] for issue in page["results"]]
    assert lines == [1, 2, 3, 4, 5, 6, 7]


def test_list_of_imports_costs_few_queries(api, brand, django_assert_max_num_queries):
    for number in range(5):
        send(api, ndjson([ACCOUNT]), kind="accounts", key=str(number))
    with django_assert_max_num_queries(MOST_QUERIES):
        rows = api.get("imports/", expand="brand").json()["results"]
    assert [row["state"] for row in rows] == [ImportState.QUEUED] * 5
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    assert json.loads(api.get("imports/", state="done").content)["results"] == []
