"""Bulk upsert: many things in one call, with an answer for each."""

from datetime import date
from decimal import Decimal

import pytest
from django.db.models import Count

from accounts.models import (
    Account,
    Contact,
    Contract,
    ImportRun,
    Product,
    RenewalReminder,
    TimelineEvent,
)
from cxcrm.outbox.models import OutgoingMail
from tests.api.answers import error
from tests.api.bulk import (
    ACCOUNT,
    CONTACT,
    CONTRACT,
    PRODUCT,
    faults,
    ndjson,
    send_lines,
    statuses,
)
from tests.factories import (
    NOW,
    AccountFactory,
    BrandFactory,
    ContactFactory,
    ContractFactory,
    ProductFactory,
    cancel,
)


@pytest.fixture(autouse=True)
def clock_stands(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def brand():
    return BrandFactory(code="sun")


@pytest.fixture
def api(make_api_client, brand):
    return make_api_client("customers:import", "products:import", "contracts:import")


@pytest.fixture
def bulk(api):
    return lambda kind, *rows: api.post(f"{kind}/bulk/", {"rows": rows})


@pytest.fixture
def contract(brand):
    """One that says what CONTRACT does."""
    account = AccountFactory(brand=brand, external_id="K1")
    return ContractFactory(
        account=account,
        product=ProductFactory(brand=brand, code="pro"),
        external_id="V1",
        concluded_on=date(2026, 4, 20),
        starts_on=date(2026, 5, 1),
        price=Decimal("9.90"),
        tax_rate=Decimal(19),
    )


def test_what_is_new_is_created_and_answered_in_the_order_of_the_rows(bulk):
    said = bulk("accounts", ACCOUNT | {"external_id": "K2"}, ACCOUNT).json()
    run = ImportRun.objects.get()
    ids = dict(Account.objects.values_list("external_id", "pk"))
    assert said == {
        "import": run.pk,
        "counts": {"created": 2, "updated": 0, "unchanged": 0, "refused": 0},
        "results": [
            {
                "row": row,
                "external_id": number,
                "id": ids[number],
                "status": "created",
                "errors": [],
                "warnings": [],
            }
            for row, number in ((1, "K2"), (2, "K1"))
        ],
    }
    assert (run.state, run.kind, run.mapping, run.rows_read) == ("done", "accounts", "API", 2)
    assert run.counts["accounts"] == {"added": 2, "changed": 0, "unchanged": 0}


@pytest.mark.parametrize(
    ("kind", "row", "change"),
    [
        ("accounts", ACCOUNT, {"segment": "large"}),
        ("contacts", CONTACT, {"address": "new@brot.example"}),
        ("products", PRODUCT, {"list_price": 13}),
        ("contracts", CONTRACT, {"price": 10.5}),
    ],
)
def test_status_tells_what_was_done(bulk, kind, row, change):
    # Each refers to those before.
    for other, first in (("accounts", ACCOUNT), ("products", PRODUCT), (kind, row)):
        bulk(other, first)
    key = {
        name: row[name]
        for name in ("brand", "account_external_id", "external_id", "code")
        if name in row and not (kind == "contracts" and name == "account_external_id")
    }
    assert statuses(bulk(kind, row)) == ["unchanged"]
    assert statuses(bulk(kind, key | change)) == ["updated"]
    assert statuses(bulk(kind, key | change)) == ["unchanged"]
    assert statuses(bulk(kind, key)) == ["unchanged"]


def test_fields_that_a_row_leaves_out_stay_as_they_are_and_null_empties(bulk, contract):
    other = ContractFactory(
        account=contract.account, product=contract.product, external_id="V2", notice_days=7
    )
    rows = [
        {"brand": "sun", "external_id": "V1", "price": 11.05, "renewal_price": "12.00"},
        {"brand": "sun", "external_id": "V2", "notice_days": None, "is_trial": True},
    ]
    before = Contract.objects.filter(pk=other.pk).values().get()
    assert statuses(bulk("contracts", *rows)) == ["updated", "updated"]
    contract.refresh_from_db()
    assert (contract.price, contract.renewal_price) == (Decimal("11.05"), Decimal("12.00"))
    assert (contract.concluded_on, contract.notice_months) == (date(2026, 4, 20), 1)
    after = Contract.objects.filter(pk=other.pk).values().get()
    assert {name for name in after if after[name] != before[name]} == {
        "notice_days",
        "notice_deadline",
        "remind_on",
        "is_trial",
    }


def test_what_is_there_may_break_rules_that_the_row_says_nothing_about(bulk, brand):
    account = AccountFactory(brand=brand, external_id="K1", name=" Two\nlines ")
    assert statuses(
        bulk("accounts", {"brand": "sun", "external_id": "K1", "segment": "small"})
    ) == ["updated"]
    account.refresh_from_db()
    assert (account.name, account.segment) == (" Two\nlines ", "small")


def test_refused_rows_name_their_fields_and_stop_no_others(bulk, contract):
    response = bulk(
        "contracts",
        {"brand": "sun", "external_id": "V1", "price": "much", "notice_months": 99},
        {"brand": "sun", "external_id": "V2"},
        CONTRACT | {"external_id": "V3", "account_external_id": "K9"},
        CONTRACT | {"external_id": "V4", "product_code": "con"},
        CONTRACT | {"external_id": "V5", "ends_on": "2026-04-01"},
        CONTRACT | {"external_id": "V6", "state": "ended", "yearly_value": 1},
        CONTRACT | {"external_id": "V7"},
        CONTRACT | {"external_id": "V7"},
        CONTRACT | {"external_id": "V8", "brand": "moon"},
        {"brand": "sun", "price": 1},
        CONTRACT | {"external_id": "V9", "price": {"net": 1}},
        CONTRACT | {"external_id": "V9", "brand": ["sun"]},
        ["V1"],
        "V1",
    )
    missing = (
        "account_external_id",
        "product_code",
        "starts_on",
        "after_term",
        "price",
        "currency",
        "billing_period_months",
    )
    assert faults(response) == {
        1: [("notice_months", "invalid"), ("price", "invalid")],
        2: [(name, "required") for name in missing],
        3: [("account_external_id", "not_found")],
        4: [("product_code", "not_found")],
        5: [("ends_on", "invalid")],
        6: [("state", "unknown"), ("yearly_value", "unknown")],
        8: [("external_id", "repeated")],
        9: [("brand", "not_found")],
        10: [("external_id", "required")],
        11: [("price", "invalid")],
        12: [("brand", "invalid")],
        13: [("", "invalid")],
        14: [("", "invalid")],
    }
    said = response.json()
    assert said["counts"] == {"created": 1, "updated": 0, "unchanged": 0, "refused": 13}
    assert said["results"][0]["id"] == contract.pk
    assert set(Contract.objects.values_list("external_id", flat=True)) == {"V1", "V7"}
    assert Product.objects.count() == 1
    run = ImportRun.objects.get()
    assert (run.rows_read, run.rows_refused) == (14, 13)


def test_contact_is_recognised_by_its_number_alone(bulk, brand):
    account = AccountFactory(brand=brand, external_id="K1")
    known = ContactFactory(account=account, name="Berta Brot", address="berta@brot.example")
    assert statuses(bulk("contacts", CONTACT)) == ["created"]
    assert faults(bulk("contacts", CONTACT | {"external_id": None})) == {
        1: [("external_id", "required")]
    }
    assert Contact.objects.exclude(pk=known.pk).get().external_id == "P1"


def test_what_counts_more_than_a_row_is_a_warning(bulk, contract):
    cancel(contract, last_day=date(2027, 4, 30), at=NOW)
    row = {"brand": "sun", "external_id": "V1", "ends_on": "2027-12-31", "price": 5}
    result = bulk("contracts", row).json()["results"][0]
    assert (result["status"], result["errors"]) == ("updated", [])
    assert [(fault["field"], fault["code"]) for fault in result["warnings"]] == [
        ("ends_on", "contradiction")
    ]
    contract.refresh_from_db()
    assert (contract.ends_on, contract.price) == (date(2027, 4, 30), Decimal(5))


def test_row_that_settles_a_reminder_is_an_update(bulk, contract):
    row = {"brand": "sun", "external_id": "V1", "reminded_on": "2026-05-30"}
    assert statuses(bulk("contracts", row)) == ["updated"]
    assert RenewalReminder.objects.get().state == "done_before"
    assert statuses(bulk("contracts", row)) == ["unchanged"]


def test_numbers_are_taken_as_they_are_written(api, contract):
    body = b'{"brand": "sun", "external_id": "V1", "price": 10000000.01}\n'
    assert statuses(send_lines(api, "contracts/bulk/", body)) == ["updated"]
    contract.refresh_from_db()
    assert contract.price == Decimal("10000000.01")
    body = b'{"rows": [{"brand": "sun", "external_id": "V1", "price": 0.1000000000000000055}]}'
    refused = api.send(
        "POST", "contracts/bulk/", body=body, headers={"Idempotency-Key": "as-written"}
    )
    assert faults(refused) == {1: [("price", "invalid")]}


def test_each_line_of_ndjson_stands_for_itself(api, contract):
    lines = [
        b'{"brand": "sun", "external_id": "V1", "price": 1}',
        b"",
        b'{"brand": "sun", "external_id": "V1", "price": 2, "price": 3}',
        b'{"brand": "sun", "external_id": "\xff"}',
        b'{"brand": "sun", "external_id": "V1", "price": NaN}',
        b"[" * 50_000,
        b'{"brand": "sun", "external_id": "' + b"x" * 100_000 + b'"}',
        b'{"brand": "sun", "external_id": "\\ud800"}',
        b'{"brand": "sun", "external_id": "V\\u0000"}',
    ]
    response = send_lines(api, "contracts/bulk/", b"\n".join(lines))
    assert faults(response) == {
        **{row: [("", "invalid")] for row in range(2, 7)},
        7: [("external_id", "invalid")],
        8: [("external_id", "invalid")],
    }
    assert statuses(response)[0] == "updated"


def test_ten_thousand_rows_of_all_sorts_in_one_call(api, brand):
    """A third is there and says the same, a third is there and says something else, of the rest
    every tenth row has a fault."""
    AccountFactory(brand=brand, external_id="K1")
    product = ProductFactory(brand=brand, code="pro")
    rows = [
        CONTRACT | {"external_id": f"V{number}", "price": f"{number}.50"}
        for number in range(10_000)
    ]
    known = ndjson(rows[:6_666])
    assert set(statuses(send_lines(api, "contracts/bulk/", known, idempotency_key="1"))) == {
        "created"
    }
    for row in rows[3_333:6_666]:
        row["price"] = "1.00"
    for row in rows[6_666::10]:
        row["price"] = "-1"
    expected = [
        *["unchanged"] * 3_333,
        *["updated"] * 3_333,
        *("refused" if place % 10 == 0 else "created" for place in range(3_334)),
    ]
    response = send_lines(api, "contracts/bulk/", ndjson(rows), idempotency_key="2")
    assert statuses(response) == expected
    assert response.json()["counts"] == {
        status: expected.count(status) for status in ("created", "updated", "unchanged", "refused")
    }
    held = dict(Contract.objects.values_list("external_id", "price"))
    assert held == {
        row["external_id"]: Decimal(row["price"])
        for row, status in zip(rows, expected, strict=True)
        if status != "refused"
    }
    assert Product.objects.get() == product
    added = TimelineEvent.objects.filter(kind="contract_added").values("contract")
    assert added.annotate(times=Count("pk")).filter(times=1).count() == len(held)


def test_too_much_for_a_call_is_told_where_to_go(api, brand, monkeypatch):
    many = [{"brand": "sun"}] * 10_001
    for response in (
        api.post("accounts/bulk/", {"rows": many}),
        send_lines(api, "accounts/bulk/", ndjson(many)),
        send_lines(api, "accounts/bulk/", ndjson(many) + b"\n", idempotency_key="2"),
        send_lines(api, "accounts/bulk/", b" " * (50 * 2**20 + 1), idempotency_key="3"),
        api.send(
            "POST",
            "accounts/bulk/",
            body=b" " * (10 * 2**20 + 1),
            headers={"Idempotency-Key": "4"},
        ),
    ):
        said = response.json()["error"]
        assert (response.status_code, said["code"]) == (413, "body_too_large")
        assert "/api/v1/imports/" in said["message"]
    assert not ImportRun.objects.exists()


def test_blank_lines_are_no_rows(api, brand):
    rows = ndjson([ACCOUNT | {"external_id": f"K{number}"} for number in range(10_000)])
    spread = b"\n" + rows.replace(b"\n", b"\r\n\t\n") + b"\n\n"
    assert statuses(send_lines(api, "accounts/bulk/", spread)) == ["created"] * 10_000
    empty = send_lines(api, "accounts/bulk/", b"\n \r\n", idempotency_key="2")
    assert error(empty) == (422, "invalid", {"rows": "invalid"})


@pytest.mark.parametrize(
    "body",
    [{}, [], {"rows": []}, {"rows": {}}, {"rows": [ACCOUNT], "dry_run": True}, "rows", None],
)
def test_body_without_rows_is_refused(api, body):
    response = api.post("accounts/bulk/", body)
    assert (response.status_code, response.json()["error"]["fields"][0]["field"]) == (422, "rows")
    assert not ImportRun.objects.exists()


def test_parameters_are_refused_and_scope_to_write_is_not_enough(make_api_client, api):
    assert api.post("accounts/bulk/?dry_run=true", {"rows": [ACCOUNT]}).status_code == 400
    writer = make_api_client("customers:write", "customers:read", "contracts:import")
    assert writer.post("accounts/bulk/", {"rows": [ACCOUNT]}).status_code == 403
    assert not Account.objects.exists()


def test_brands_of_others_do_not_exist(make_api_client, brand):
    moon = BrandFactory(code="moon")
    theirs = AccountFactory(brand=moon, external_id="K1", name="Theirs")
    ours = make_api_client("customers:import", "contracts:import", brands=[brand])
    unknown = ours.post("accounts/bulk/", {"rows": [ACCOUNT | {"brand": "mars"}]})
    foreign = ours.post("accounts/bulk/", {"rows": [ACCOUNT | {"brand": "moon"}]})
    told = foreign.content.decode().replace("moon", "mars")
    runs = [response.json()["import"] for response in (unknown, foreign)]
    assert told.replace(f'"import":{runs[1]}', f'"import":{runs[0]}') == unknown.content.decode()
    theirs.refresh_from_db()
    assert theirs.name == "Theirs"
    response = ours.post("contacts/bulk/", {"rows": [CONTACT]})
    assert faults(response) == {1: [("account_external_id", "not_found")]}


def test_bulk_mails_nobody_and_holds_late_reminders(api, bulk, contract):
    ContactFactory(account=contract.account)
    row = CONTRACT | {"external_id": "V2", "starts_on": "2025-06-20"}
    assert statuses(bulk("contracts", row)) == ["created"]
    reminder = RenewalReminder.objects.get(contract__external_id="V2")
    assert reminder.state == "held"
    assert statuses(
        bulk(
            "contracts",
            CONTRACT
            | {"external_id": "V3", "starts_on": "2025-06-20", "reminded_on": "2026-05-02"},
        )
    ) == ["created"]
    reminder = RenewalReminder.objects.get(contract__external_id="V3")
    assert (reminder.state, reminder.decided_on) == ("done_before", date(2026, 5, 2))
    assert not OutgoingMail.objects.exists()
