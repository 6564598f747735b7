"""States of rows: what was read is read again only if it differs, and changed only if it does
not."""

from datetime import date

import pytest

from accounts.enums import TaskPool, TimelineKind
from accounts.models import Account, Brand, TimelineEvent
from accounts.services.tasks import open_task
from cxcrm.base import clock
from tests.api.answers import error
from tests.factories import (
    AccountFactory,
    ContractFactory,
    UserFactory,
    cancel,
)

CHANGED = (412, "state_changed", {})


@pytest.fixture
def api(make_api_client):
    return make_api_client("customers:read", "customers:write")


@pytest.fixture
def account(db):
    return AccountFactory(name="Before")


@pytest.fixture
def etag(api, account):
    return api.get(f"accounts/{account.pk}/")["ETag"]


@pytest.mark.parametrize("header", ["{}", "W/{}", '"other", {}', '"other", W/{}', "*"])
def test_what_is_known_is_not_sent_again(api, account, etag, header):
    sent = {"If-None-Match": header.format(etag)}
    response = api.get(f"accounts/{account.pk}/", headers=sent)
    assert (response.status_code, response.content, response["ETag"]) == (304, b"", etag)


@pytest.mark.parametrize("header", ['"other"', 'W/"other"', "nonsense", ""])
def test_what_is_not_known_is_sent(api, account, etag, header):
    response = api.get(f"accounts/{account.pk}/", headers={"If-None-Match": header})
    assert response.status_code == 200


def test_the_state_is_that_of_the_row_however_it_is_shown(api, account, etag):
    for query in ({"fields": "id"}, {"expand": "brand"}):
        assert api.get(f"accounts/{account.pk}/", **query)["ETag"] == etag
    Account.objects.update(is_high_value=True)
    assert api.get(f"accounts/{account.pk}/", fields="id")["ETag"] != etag


def test_what_is_expanded_is_sent_always(api, account, etag):
    Brand.objects.update(name="After")

    sent = {"If-None-Match": etag}
    response = api.get(f"accounts/{account.pk}/", expand="brand", headers=sent)

    assert response.status_code == 200
    assert response.json()["brand"]["name"] == "After"
    assert api.get(f"accounts/{account.pk}/", fields="id", headers=sent).status_code == 304


@pytest.mark.parametrize("header", [None, "{}", '"other", {}', "*"])
def test_changes_the_state_that_is_there(api, account, etag, header):
    if_match = header and header.format(etag)
    response = api.patch(f"accounts/{account.pk}/", {"name": "After"}, if_match=if_match)
    assert response.status_code == 200
    assert response["ETag"] == api.get(f"accounts/{account.pk}/")["ETag"] != etag


@pytest.mark.parametrize("header", ['"other"', "W/{}", "nonsense"])
def test_changes_no_other_state(api, account, etag, header):
    response = api.patch(f"accounts/{account.pk}/", {"name": "After"}, if_match=header.format(etag))
    assert error(response) == CHANGED
    account.refresh_from_db()
    assert account.name == "Before"


def test_a_put_honours_it_too(api, account, etag):
    key = {"brand": account.brand.code, "external_id": account.external_id}
    put = {"method": "PUT", "path": "accounts/"}

    refused = api.send(**put, body=key | {"name": "After"}, headers={"If-Match": '"other"'})
    assert error(refused) == CHANGED
    done = api.send(**put, body=key | {"name": "After"}, headers={"If-Match": etag})
    assert done.status_code == 200
    absent = api.send(**put, body=key | {"external_id": "K9"}, headers={"If-Match": "*"})
    assert error(absent) == CHANGED


def test_a_patch_that_says_nothing_changes_nothing(api, account, etag):
    response = api.patch(f"accounts/{account.pk}/", {})
    assert (response.status_code, response["ETag"]) == (200, etag)


@pytest.mark.parametrize(
    ("deed", "body"),
    [
        ("contracts/{contract}/keep/", {}),
        ("contracts/{contract}/cancel/", {"kind": "ordinary"}),
        ("contracts/{cancelled}/withdraw-cancellation/", {}),
        ("tasks/{task}/finish/", {"result": "Reached"}),
        ("tasks/{task}/assign/", {"assignee": "ada@cxcrm.test"}),
    ],
)
def test_deeds_are_done_to_the_state_that_was_read(make_api_client, deed, body):
    api = make_api_client("contracts:read", "contracts:write", "tasks:read", "tasks:write")
    UserFactory(role="Service agent", email="ada@cxcrm.test")
    contract, cancelled = ContractFactory(), ContractFactory()
    cancel(cancelled, None, at=clock.now())
    task = open_task(
        account_id=contract.account_id,
        title="Call back",
        due_on=date(2027, 1, 4),
        pool=TaskPool.SERVICE,
        at=clock.now(),
    )
    path = deed.format(contract=contract.pk, cancelled=cancelled.pk, task=task.pk)
    shown = path.rsplit("/", 2)[0] + "/"
    before = api.get(shown)
    assert error(api.post(path, body, headers={"If-Match": '"other"'})) == CHANGED
    assert api.get(shown).json() == before.json()
    assert not TimelineEvent.objects.filter(kind=TimelineKind.CONTRACT_KEPT).exists()
    assert api.post(path, body, headers={"If-Match": before["ETag"]}).status_code == 200
