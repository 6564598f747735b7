from datetime import timedelta

import pytest

from accounts.enums import TimelineKind
from accounts.models import TimelineEvent
from accounts.services.timeline import record_event
from tests.api.answers import ids
from tests.factories import NOW, AccountFactory, BrandFactory, ContractFactory, UserFactory


@pytest.fixture
def api(make_api_client):
    return make_api_client("customers:read")


def happened(account, kind=TimelineKind.TASK_DONE, at=NOW, **facts):
    record_event(account_id=account.pk, kind=kind, at=at, **facts)
    return TimelineEvent.objects.latest("pk")


def test_shows_an_event(api):
    contract = ContractFactory(account__brand=BrandFactory(code="nord"))
    event = happened(
        contract.account,
        contract_id=contract.pk,
        actor=UserFactory(name="Merle"),
        renewal_date="2027-01-15",
    )
    assert api.get(f"timeline/{event.pk}/").json() == {
        "id": event.pk,
        "account": contract.account_id,
        "account_external_id": contract.account.external_id,
        "brand": "nord",
        "contract": contract.pk,
        "contract_external_id": contract.external_id,
        "kind": "task_done",
        "occurred_at": "2026-06-01T10:00:00Z",
        "actor": "Merle",
        "facts": {"renewal_date": "2027-01-15"},
    }


def test_what_cxcrm_did_by_itself_about_no_contract_has_neither(api):
    event = happened(AccountFactory())
    shown = api.get(f"timeline/{event.pk}/").json()
    assert (shown["actor"], shown["contract"], shown["contract_external_id"]) == (None, None, None)


def test_newest_first(api):
    account = AccountFactory()
    late, early = happened(account), happened(account, at=NOW - timedelta(days=1))
    for query in ({}, {"account": account.pk}):
        assert ids(api.get("timeline/", **query)) == [late.pk, early.pk]
        assert ids(api.get("timeline/", order="occurred_at", **query)) == [early.pk, late.pk]


def test_filters(api):
    contract = ContractFactory(account__brand=BrandFactory(code="nord"))
    event = TimelineEvent.objects.get()
    happened(AccountFactory(), at=NOW - timedelta(days=1))
    for query in (
        {"account": contract.account_id},
        {"contract": contract.pk},
        {"brand": "nord"},
        {"kind": "contract_added"},
        {"occurred_after": "2026-06-01T10:00:00Z"},
        {"occurred_before": "2026-06-02T00:00:00Z", "contract": contract.pk},
    ):
        assert ids(api.get("timeline/", **query)) == [event.pk], query
    assert ids(api.get("timeline/", occurred_before="2026-05-01T00:00:00Z")) == []


def test_a_key_of_one_brand_knows_no_other(make_api_client):
    own, foreign = happened(AccountFactory()), happened(AccountFactory())
    api = make_api_client("customers:read", brands=[own.account.brand])
    assert ids(api.get("timeline/")) == [own.pk]
    assert ids(api.get("timeline/", account=foreign.account_id)) == []
    assert api.get(f"timeline/{foreign.pk}/").status_code == 404


def test_nothing_is_written_there(make_api_client):
    event = happened(AccountFactory())
    api = make_api_client("customers:read", "customers:write")
    assert api.post("timeline/", {}).status_code == 405
    assert api.patch(f"timeline/{event.pk}/", {}).status_code == 405
