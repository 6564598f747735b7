"""A POST that is repeated with its Idempotency-Key does nothing twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import Account, Task, TimelineEvent
from cxcrm.base import clock
from cxcrm.base.models import KeptAnswer
from cxcrm.base.rest.once import KEPT_FOR, forget_answers
from tests.api.answers import error
from tests.factories import AccountFactory, BrandFactory

REPEATED = 20
NEW = {
    "brand": "nord",
    "account_external_id": "K1",
    "title": "Call back",
    "due_on": "2026-06-03",
    "pool": "service",
}


@pytest.fixture
def account(db):
    return AccountFactory(brand=BrandFactory(code="nord"), external_id="K1")


@pytest.fixture
def api(make_api_client, account):
    return make_api_client("tasks:write", "customers:write")


def told(response) -> tuple:
    return response.status_code, response.content, response["Location"], response["ETag"]


def test_repeated_request_is_answered_as_the_first_was(api):
    first = api.post("tasks/", NEW, idempotency_key="a")
    Task.objects.update(title="Changed since")
    again = api.post("tasks/", NEW, idempotency_key="a")

    assert first.status_code == 201
    assert told(again) == told(first)
    assert ("Idempotent-Replayed" in first, again["Idempotent-Replayed"]) == (False, "true")
    assert Task.objects.count() == 1


def test_another_key_is_another_deed(api):
    for key in ("a", "b"):
        assert api.post("tasks/", NEW, idempotency_key=key).status_code == 201

    assert Task.objects.count() == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tasks/", NEW | {"title": "Write"}),
        ("tasks/", dict(reversed(NEW.items()))),
        ("accounts/", NEW),
        ("tasks/?x=1", NEW),
    ],
)
def test_key_that_came_with_another_request_is_refused(api, path, body):
    api.post("tasks/", NEW, idempotency_key="a")

    assert error(api.post(path, body, idempotency_key="a")) == (
        422,
        "idempotency_key_reused",
        {},
    )
    assert (Task.objects.count(), Account.objects.count()) == (1, 1)


@pytest.mark.parametrize("key", [None, "", " ", "a b", "ä", "a" * 256])
def test_request_without_a_key_that_can_be_one_is_refused(api, key):
    assert error(api.post("tasks/", NEW, idempotency_key=key)) == (
        400,
        "idempotency_key_missing",
        {},
    )
    assert not Task.objects.exists()


def test_longest_key_is_taken(api):
    assert api.post("tasks/", NEW, idempotency_key="a" * 255).status_code == 201


def test_keys_of_another_integration_are_its_own(api, make_api_client):
    other = make_api_client("tasks:write")

    answers = [client.post("tasks/", NEW, idempotency_key="a") for client in (api, other)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert ["Idempotent-Replayed" in answer for answer in answers] == [False, False]
    assert Task.objects.count() == 2


def test_refused_request_may_come_again_mended(api):
    refused = api.post("tasks/", NEW | {"due_on": "soon"}, idempotency_key="a")

    assert error(refused) == (422, "invalid", {"due_on": "invalid"})
    assert api.post("tasks/", NEW, idempotency_key="a").status_code == 201


def test_what_fails_after_its_deed_has_not_happened(api, monkeypatch):
    def fail(**details):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(KeptAnswer.objects, "create", fail)
        assert api.post("tasks/", NEW, idempotency_key="a").status_code == 500
    assert (Task.objects.count(), TimelineEvent.objects.count()) == (0, 0)

    assert api.post("tasks/", NEW, idempotency_key="a").status_code == 201


def test_answer_is_forgotten_after_two_days(api):
    api.post("tasks/", NEW, idempotency_key="a")
    answered_at = KeptAnswer.objects.get().created_at

    assert forget_answers(at=answered_at + KEPT_FOR) == 0
    assert forget_answers(at=answered_at + KEPT_FOR + timedelta(microseconds=1)) == 1
    assert timedelta(hours=24) <= KEPT_FOR
    assert answered_at <= clock.now()


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_do_it_once(api):
    together = Barrier(REPEATED)

    def post(_number):
        try:
            together.wait()
            return api.post("tasks/", NEW, idempotency_key="a")
        finally:
            connection.close()

    with ThreadPoolExecutor(REPEATED) as pool:
        answers = list(pool.map(post, range(REPEATED)))

    made = [answer for answer in answers if answer.status_code == 201]
    assert Task.objects.count() == 1
    assert len({answer.content for answer in made}) == 1
    assert sum("Idempotent-Replayed" not in answer for answer in made) == 1
    assert {error(answer)[:2] for answer in answers if answer not in made} <= {
        (409, "idempotency_key_in_use")
    }
    assert all(answer["Retry-After"] == "1" for answer in answers if answer not in made)
