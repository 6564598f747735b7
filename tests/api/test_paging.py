"""Pages by key, over accounts: which of the rows come, in which order, at which cost."""

import json
from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import CharField, Func, Value
from django.db.models.functions import Cast
from django.test.utils import CaptureQueriesContext

from accounts.enums import TimelineKind
from accounts.models import Account, TimelineEvent
from accounts.querysets.customers import AccountQuerySet
from cxcrm.base.rest import views
from cxcrm.base.rest.paging import Order, beyond
from tests.api.answers import MOST_QUERIES, error, ids
from tests.factories import (
    NOW,
    AccountFactory,
    BrandFactory,
    ContactFactory,
    ContractFactory,
    ProductFactory,
)


@pytest.fixture
def api(make_api_client):
    return make_api_client("customers:read", "products:read")


def walked(api, path, **query):
    """The ids of all pages forwards, and again from the last page back to the first."""
    page = api.get(path, **query)
    forwards = [ids(page)]
    while page.json()["next"]:
        page = api.get(page.json()["next"])
        forwards.append(ids(page))
    backwards = [ids(page)]
    while page.json()["previous"]:
        page = api.get(page.json()["previous"])
        backwards.insert(0, ids(page))
    return forwards, backwards


@pytest.mark.parametrize("order", ["id", "-id"])
def test_goes_forwards_and_back(api, order):
    everything = [account.pk for account in AccountFactory.create_batch(5)]
    if order == "-id":
        everything.reverse()
    forwards, backwards = walked(api, "accounts/", limit=2, order=order)
    assert forwards == [everything[:2], everything[2:4], everything[4:]]
    assert backwards == forwards


def test_the_last_page_may_be_full(api):
    AccountFactory.create_batch(4)
    forwards, _backwards = walked(api, "accounts/", limit=2)
    assert [len(page) for page in forwards] == [2, 2]


def test_rows_of_the_same_moment_come_once_each(api):
    account = AccountFactory()
    TimelineEvent.objects.bulk_create(
        TimelineEvent(
            account=account,
            kind=TimelineKind.TASK_DONE,
            occurred_at=NOW + timedelta(days=number // 3),
        )
        for number in range(8)
    )
    newest_first = list(
        TimelineEvent.objects.order_by("-occurred_at", "-id").values_list("pk", flat=True)
    )
    forwards, backwards = walked(
        api, "timeline/", account=account.pk, order="-occurred_at", limit=3
    )
    assert forwards == [newest_first[:3], newest_first[3:6], newest_first[6:]]
    assert backwards == forwards


def test_rows_that_come_or_go_shift_no_others(api):
    accounts = AccountFactory.create_batch(5)
    first = api.get("accounts/", limit=2, order="-id")
    AccountFactory()
    accounts[3].delete()
    accounts[2].delete()
    assert ids(api.get(first.json()["next"])) == [accounts[1].pk, accounts[0].pk]


def test_links_keep_what_was_asked_for(api):
    AccountFactory.create_batch(3, country="FR")
    AccountFactory(country="DE")
    page = api.get("accounts/", limit=2, country="FR", fields="id")
    following = api.get(page.json()["next"])
    assert len(ids(following)) == 1
    assert list(following.json()["results"][0]) == ["id"]


def forged(*said):
    return urlsafe_b64encode(json.dumps(said).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%%%",
        "é",
        "A" * 1_001,
        forged(),
        forged("id", False),
        forged("-id", False, [1]),
        forged("id", "no", [1]),
        forged("id", False, 1),
        forged("id", False, []),
        forged("id", False, [1, 2]),
        forged("id", False, [None]),
        forged("id", False, [True]),
        forged("id", False, [1.5]),
        forged("id", False, ["x"]),
        forged("id", False, [[1]]),
        forged("id", False, [10**30]),
        forged("id", False, ["1' OR true"]),
        urlsafe_b64encode(b"[" * 700).decode(),
    ],
)
def test_refuses_cursors_that_are_none(api, cursor):
    AccountFactory()
    response = api.get("accounts/", cursor=cursor)
    assert error(response) == (400, "invalid_query", {"cursor": "invalid"})


@pytest.mark.parametrize(
    "values", [["x", 1], [5, 1], ["2026-13-01", 1], ["2026-01-01T00:00:00\0", 1], ["\ud800", 1]]
)
def test_refuses_moments_that_are_none(api, values):
    account = AccountFactory()
    cursor = forged("occurred_at", False, values)
    response = api.get("timeline/", account=account.pk, order="occurred_at", cursor=cursor)
    assert error(response) == (400, "invalid_query", {"cursor": "invalid"})


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "x", "٣", "1e2"])
def test_refuses_limits_that_are_none(api, limit):
    assert error(api.get("accounts/", limit=limit)) == (400, "invalid_query", {"limit": "invalid"})


def test_refuses_orders_that_are_none(api):
    response = api.get("accounts/", order="name")
    assert error(response) == (400, "invalid_query", {"order": "invalid"})


@pytest.mark.parametrize(
    ("account", "index"), [({}, "timeline_by_time"), ({"account": 1}, "timeline_of_account")]
)
def test_a_page_begins_in_the_index_where_the_one_before_ended(db, account, index):
    for other in AccountFactory.create_batch(20):
        TimelineEvent.objects.bulk_create(
            TimelineEvent(account=other, kind=TimelineKind.CONTRACT_KEPT, occurred_at=NOW - day)
            for day in map(timedelta, range(100))
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_timelineevent")
    order = Order(("occurred_at", "id"), descending=True)
    events = TimelineEvent.objects.filter(beyond(order, [NOW, 7]), **account)
    plan = explained(events.order_by("-occurred_at", "-id")[:51])
    assert index in plan
    [condition] = [line for line in plan.splitlines() if "Index Cond" in line]
    assert "ROW(occurred_at, id) < ROW(" in condition
    assert "Sort" not in plan
    assert "Filter" not in plan


def test_pages_of_a_brand_are_a_part_of_its_index(db):
    rows = Account.objects.filter(beyond(Order(("id",)), [7]), brand__in=[1]).order_by("id")[:51]
    plan = explained(rows)
    assert "Index Cond: ((brand_id = 1) AND (id > 7" in plan.replace("'7'::bigint", "7")
    assert "Sort" not in plan


def explained(rows):
    """The plan of what is fast only by an index, as of a table too large for anything else."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    return rows.explain()


@pytest.mark.parametrize(
    ("path", "make"),
    [
        ("brands/", BrandFactory),
        ("accounts/?expand=brand", AccountFactory),
        ("contacts/?expand=account,brand", ContactFactory),
        ("products/?expand=brand", ProductFactory),
        ("timeline/?expand=account,brand", ContractFactory),
    ],
)
def test_a_page_of_50_costs_as_many_queries_as_one_row_and_at_most_5(api, path, make):
    make()
    api.get(path)  # notes the use of the key, as it does once a minute
    with CaptureQueriesContext(connection) as one:
        assert len(ids(api.get(path))) == 1
    make.create_batch(49)
    with CaptureQueriesContext(connection) as many:
        assert len(ids(api.get(path))) == 50
    assert len(many) == len(one) <= MOST_QUERIES


def test_a_page_that_would_read_for_too_long_is_refused(make_api_client, monkeypatch):
    nap = Cast(Func(Value(30.0), function="pg_sleep"), CharField())
    monkeypatch.setattr(views, "LONGEST_READ_SECONDS", 0.05)
    monkeypatch.setattr(AccountQuerySet, "search", lambda rows, text: rows.filter(name=nap))
    AccountFactory()

    response = make_api_client("customers:read").get("accounts/", search="anything")

    assert error(response) == (400, "too_much", {})
