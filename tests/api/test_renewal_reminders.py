from datetime import date, timedelta

import pytest

from accounts.models import RenewalReminder
from tests.accounts.deciding import READ_AT, remind
from tests.api.answers import MOST_QUERIES
from tests.factories import ContractFactory


@pytest.fixture(autouse=True)
def clock_stands(time_machine):
    time_machine.move_to(READ_AT, tick=False)


@pytest.fixture
def api(make_api_client):
    return make_api_client("contracts:read")


def ids(response) -> list[int]:
    return [row["id"] for row in response.json()["results"]]


def test_reminder_is_shown_with_its_proof(api):
    reminder = remind()
    RenewalReminder.objects.update(accepted_at=READ_AT, accepted_by="mx.relay.example")
    assert api.get(f"renewal-reminders/{reminder.pk}/").json() == {
        "id": reminder.pk,
        "contract": reminder.contract_id,
        "contract_external_id": reminder.contract.external_id,
        "renewal_date": "2027-01-15",
        "step": 1,
        "state": "planned",
        "due_on": "2026-12-01",
        "decided_on": "2026-12-01",
        "decided_at": reminder.decided_at.isoformat().replace("+00:00", "Z"),
        "is_late": False,
        "is_clash": False,
        "latest_on": None,
        "contact": reminder.contact_id,
        "policy": reminder.policy.name,
        "accepted_at": "2026-12-03T10:00:00Z",
        "accepted_by": "mx.relay.example",
        "bounced_at": None,
        "kept_at": None,
    }


def test_reminder_of_another_brand_does_not_exist(make_api_client):
    mine, foreign = remind(), remind()
    api = make_api_client("contracts:read", brands=[mine.contract.brand])
    assert ids(api.get("renewal-reminders/")) == [mine.pk]
    assert ids(api.get("renewal-reminders/", contract=foreign.contract_id)) == []
    assert api.get(f"renewal-reminders/{foreign.pk}/").status_code == 404


def test_filters_find_the_one_and_leave_out_the_other(api):
    other = remind()
    wanted = remind(ContractFactory(starts_on=date(2026, 3, 1)))
    RenewalReminder.objects.filter(pk=wanted.pk).update(
        state="undelivered", is_clash=True, decided_on=date(2027, 1, 20)
    )
    for query in (
        {"brand": wanted.contract.brand.code},
        {"account": wanted.contract.account_id},
        {"contract": wanted.contract_id},
        {"state": "undelivered"},
        {"is_clash": "true"},
        {"renewal_date_from": "2027-03-01"},
        {"decided_on_from": "2027-01-20"},
        {"search": wanted.contract.external_id},
    ):
        assert ids(api.get("renewal-reminders/", **query)) == [wanted.pk], query
    for query in ({"renewal_date_until": "2027-02-28"}, {"decided_on_until": "2027-01-19"}):
        assert ids(api.get("renewal-reminders/", **query)) == [other.pk], query
    assert ids(api.get("renewal-reminders/", order="-id")) == [wanted.pk, other.pk]
    assert api.get("renewal-reminders/", is_clash="perhaps").status_code == 400


def test_contract_is_expanded_without_its_cancellation(api):
    remind()
    [row] = api.get("renewal-reminders/", expand="contract").json()["results"]
    shown = api.get(f"contracts/{row['contract']['id']}/").json()
    del shown["cancellation"]
    assert row["contract"] == shown


def test_a_list_costs_as_many_queries_for_three_rows_as_for_one(api, django_assert_max_num_queries):
    remind()
    api.get("renewal-reminders/")  # notes when the key was last used
    with django_assert_max_num_queries(MOST_QUERIES) as one:
        api.get("renewal-reminders/", expand="contract")
    remind()
    remind()
    with django_assert_max_num_queries(len(one)):
        assert len(ids(api.get("renewal-reminders/", expand="contract"))) == 3


def test_decided_after_its_day_it_is_late(api):
    reminder = remind()
    RenewalReminder.objects.update(due_on=reminder.decided_on - timedelta(days=1))
    assert api.get(f"renewal-reminders/{reminder.pk}/").json()["is_late"] is True


def test_reminders_are_written_by_cxcrm_alone(make_api_client):
    reminder = remind()
    api = make_api_client("contracts:read", "contracts:write")
    assert api.post("renewal-reminders/", {}).status_code == 405
    assert api.patch(f"renewal-reminders/{reminder.pk}/", {}).status_code == 405
