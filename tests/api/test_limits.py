"""Limits of keys and of wrong keys, counted by the minute in PostgreSQL."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection
from django.db.models import Sum
from django.test import Client

from cxcrm.api.authentication import WRONG_KEYS_PER_MINUTE
from cxcrm.api.models import ApiKey, KeyUse
from cxcrm.api.services import find_key, revoke_key
from cxcrm.base import clock
from cxcrm.users.models import User
from tests.api.answers import error
from tests.factories import UserFactory

ADDRESS = "198.51.100.7"


def within_a_minute(act: Callable[[], Any]) -> Any:
    """What it answers where no minute of the database's clock ended meanwhile, which would
    forgive. Whatever it needs it makes anew each time."""
    while True:
        began, answer = minute(), act()
        if minute() == began:
            return answer


def minute() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('minute', clock_timestamp())")
        return cursor.fetchone()[0]


def knock(key: str, *, address: str = ADDRESS, **headers: str) -> Any:
    """Ask for the brands from an address, with whatever stands for a key."""
    headers = {"Authorization": f"Bearer {key}"} | headers
    return Client().get("/api/v1/brands/", headers=headers, REMOTE_ADDR=address)


def wrong_keys() -> Any:
    """Ever new ones, as somebody guesses them."""
    number = 0
    while True:
        number += 1
        yield f"cx_aaaaaaaaaa_{number:043}"


def test_key_has_its_requests_a_minute_and_is_told_what_is_left(make_api_client):
    def ask():
        api = make_api_client("customers:read", requests_per_minute=2)
        other = make_api_client("customers:read", requests_per_minute=2)
        return [client.get("brands/") for client in (api, api, api, other)]

    first, second, third, of_another_key = within_a_minute(ask)

    assert [first.status_code, second.status_code] == [200, 200]
    assert error(third) == (429, "throttled", {})
    assert of_another_key.status_code == 200
    assert [answer["RateLimit-Remaining"] for answer in (first, second, third)] == ["1", "0", "0"]
    assert {answer["RateLimit-Limit"] for answer in (first, second, third)} == {"2"}
    assert 1 <= int(third["Retry-After"]) <= 60
    assert 1 <= int(third["RateLimit-Reset"]) <= 60


def test_what_is_refused_counts_too(make_api_client):
    def ask():
        api = make_api_client("customers:read", requests_per_minute=2)
        said = [api.get(path).status_code for path in ("brands/?x=1", "brands/0/")]
        return [*said, api.get("brands/").status_code]

    assert within_a_minute(ask) == [400, 404, 429]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "products/", 403), ("POST", "brands/", 405), ("DELETE", "brands/", 405)],
)
def test_what_is_not_allowed_counts_too_and_once(make_api_client, method, path, status):
    def ask():
        api = make_api_client("customers:read", requests_per_minute=2)
        return [api.send(method, path) for _ in range(3)]

    answers = within_a_minute(ask)

    assert [answer.status_code for answer in answers] == [status, status, 429]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]


def test_forged_address_changes_neither_limit_nor_note(make_api_client):
    def ask():
        key = make_api_client("customers:read", requests_per_minute=2).key
        return [
            knock(key, **{"X-Forwarded-For": f"203.0.113.{number}"}).status_code
            for number in range(3)
        ]

    assert within_a_minute(ask) == [200, 200, 429]
    assert ApiKey.objects.latest("pk").last_used_from == ADDRESS


def test_key_that_is_used_from_a_wrong_address_is_noted(make_api_client):
    key = make_api_client("customers:read", networks=["192.0.2.0/24"]).key

    assert error(knock(key)) == (403, "address_not_allowed", {})

    noted = ApiKey.objects.get()
    assert noted.last_used_from == ADDRESS
    assert noted.uses.get().refused == 1


# Each try of `within_a_minute` comes from an address of its own.
addresses = (f"198.51.100.{number}" for number in range(100, 250))


def guess(address: str, *, times: int = WRONG_KEYS_PER_MINUTE + 1) -> list[int]:
    keys = wrong_keys()
    return [knock(next(keys), address=address).status_code for _ in range(times)]


def test_wrong_keys_are_refused_for_a_minute_after_sixty_from_one_address(make_api_client):
    key = make_api_client("customers:read").key

    def ask():
        address, elsewhere = next(addresses), next(addresses)
        guesses = guess(address)
        return (
            guesses,
            knock("x", address=address),
            knock(key, address=address),
            knock("x", address=elsewhere),
        )

    guesses, again, right, from_elsewhere = within_a_minute(ask)

    assert guesses == [401] * 60 + [429]
    assert error(again) == (429, "too_many_wrong_keys", {})
    assert 1 <= int(again["Retry-After"]) <= 60
    assert right.status_code == 200
    assert from_elsewhere.status_code == 401


def test_right_key_from_elsewhere_leaves_a_trace_and_meets_a_limit(make_api_client):
    def ask():
        address = next(addresses)
        key = make_api_client("customers:read", networks=["192.0.2.0/24"]).key
        return address, [knock(key, address=address).status_code for _ in range(61)]

    address, answers = within_a_minute(ask)

    assert answers == [403] * 60 + [429]
    key = ApiKey.objects.latest("pk")
    assert key.last_used_from == address
    assert KeyUse.objects.filter(key=key).aggregate(Sum("refused"))["refused__sum"] == 61


def test_key_that_is_over_leaves_a_trace_and_a_wrong_secret_none(make_api_client):
    text = make_api_client("customers:read").key
    key = find_key(text=text)
    revoke_key(key_id=key.pk, at=clock.now())

    knock(text[:-1] + ("a" if text[-1] != "a" else "b"), address=next(addresses))
    assert not KeyUse.objects.exists()
    knock(text, address=ADDRESS)

    assert KeyUse.objects.get(key=key).refused == 1
    key.refresh_from_db()
    assert key.last_used_from == ADDRESS


@pytest.mark.django_db
def test_forged_addresses_do_not_multiply_guesses():
    def ask():
        address, keys = next(addresses), wrong_keys()
        return [
            knock(next(keys), address=address, **{"X-Forwarded-For": f"203.0.113.{number}"})
            for number in range(61)
        ]

    assert [answer.status_code for answer in within_a_minute(ask)] == [401] * 60 + [429]


@pytest.mark.django_db
def test_wrong_keys_and_sign_ins_are_counted_apart():
    form = {"login": UserFactory(role="agent").email, "password": "correct horse battery staple"}

    def ask():
        address = next(addresses)
        guess(address)
        visitor = Client(REMOTE_ADDR=address)
        return knock("x", address=address), visitor.post("/account/login/", form)

    guessed, signed_in = within_a_minute(ask)

    assert (guessed.status_code, signed_in.status_code) == (429, 302)


@pytest.mark.django_db
def test_keys_that_are_none_and_keys_that_are_over_are_answered_alike(make_api_client):
    live = make_api_client("customers:read").key
    revoked = make_api_client("customers:read").key
    revoke_key(key_id=find_key(text=revoked).pk, at=clock.now())
    expired = make_api_client("customers:read").key
    passed = clock.now() - timedelta(seconds=1)
    ApiKey.objects.filter(prefix=expired.split("_")[1]).update(expires_at=passed)
    left = make_api_client("customers:read").key
    User.objects.filter(api_keys__prefix=left.split("_")[1]).update(is_active=False)
    wrong_secret = live[:-1] + ("a" if live[-1] != "a" else "b")
    keys = [next(wrong_keys()), "x", "", wrong_secret, revoked, expired, left]

    answers = [knock(key) for key in keys]

    assert {answer.status_code for answer in answers} == {401}
    assert len({len(answer.content) for answer in answers}) == 1
    assert len({without_request_id(answer) for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1
    assert {answer["WWW-Authenticate"] for answer in answers} == {"Bearer"}


def without_request_id(answer: Any) -> bytes:
    return re.sub(answer["X-Request-ID"].encode(), b"", answer.content)


@pytest.fixture
def without_table(transactional_db):
    """Nobody finds a table; it is back afterwards."""
    taken = []

    def take(table: str) -> None:
        taken.append(table)
        _rename(table, f"{table}_away")

    yield take
    for table in taken:
        _rename(f"{table}_away", table)


def _rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{name}"')


@pytest.mark.parametrize(
    ("table", "logged"),
    [("base_limitcount", "limit_not_counted"), ("api_keyuse", "use_of_key_not_noted")],
)
def test_what_cannot_be_counted_passes_and_is_logged(
    transactional_db, make_api_client, without_table, caplog, table, logged
):
    api = make_api_client("customers:read", "tasks:read", requests_per_minute=1)
    without_table(table)

    assert [api.get(path).status_code for path in ("brands/", "tasks/")] == (
        [200, 200] if table == "base_limitcount" else [200, 429]
    )
    assert [record.msg["event"] for record in caplog.records].count(logged) >= 1


def test_wrong_keys_that_cannot_be_counted_are_wrong_keys(transactional_db, without_table):
    without_table("base_limitcount")

    assert guess(ADDRESS) == [401] * 61


def test_limits_hold_without_redis(make_api_client, monkeypatch):
    def fail(*arguments, **options):
        raise redis.ConnectionError

    monkeypatch.setattr(redis.Redis, "execute_command", fail)
    monkeypatch.setattr(redis.Connection, "connect", fail)

    def ask():
        api = make_api_client("customers:read", requests_per_minute=1)
        return [api.get("brands/").status_code for _ in range(2)]

    assert within_a_minute(ask) == [200, 429]
