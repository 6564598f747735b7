"""Two integrations that add the same account at the same moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.models import Account
from tests.api.answers import error
from tests.factories import AccountFactory, BrandFactory
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {
    "external_id": "K1",
    "name": "Second",
    "customer_kind": "business",
    "country": "DE",
    "language": "de",
    "time_zone": "Europe/Berlin",
}


def while_another_adds_it(call, brand):
    """What the call answers that finds the account neither before nor after, but in between."""

    def called():
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            AccountFactory(brand=brand, external_id="K1", name="First")
            answer = pool.submit(called)
            wait_until(somebody_waits, 20, "the call meets the account that is being added")
        return answer.result()


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone()[0]


@pytest.fixture
def brand():
    return BrandFactory(code="nord")


@pytest.fixture
def api(make_api_client):
    return make_api_client("customers:write")


def test_a_put_that_comes_second_changes_what_the_first_has_added(api, brand):
    body = BODY | {"brand": "nord"}
    answer = while_another_adds_it(lambda: api.put("accounts/", body), brand)
    assert (answer.status_code, answer.json()["name"]) == (200, "Second")
    assert Account.objects.get().name == "Second"


def test_a_post_that_comes_second_is_told(api, brand):
    body = BODY | {"brand": "nord"}
    answer = while_another_adds_it(lambda: api.post("accounts/", body), brand)
    assert error(answer) == (409, "external_id_taken", {"external_id": "external_id_taken"})
    assert Account.objects.get().name == "First"
