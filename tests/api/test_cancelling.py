from datetime import date, datetime

import pytest

from accounts.enums import CancellationOrigin
from accounts.models import Cancellation, CancellationReason, TimelineEvent
from accounts.services.cancellations import cancel_contract
from accounts.services.receipts import CANCELLATION_RECEIPT
from cxcrm.outbox.models import OutgoingMail
from tests.factories import NOW, AccountFactory, ContactFactory, ContractFactory, cancel


@pytest.fixture(autouse=True)
def clock_stands(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def api(make_api_client):
    return make_api_client("contracts:read", "contracts:write")


@pytest.fixture
def contract():
    return ContractFactory()


def cancel_by(api, contract, **body):
    return api.post(f"contracts/{contract.pk}/cancel/", {"kind": "ordinary"} | body)


def withdraw(api, contract):
    return api.post(f"contracts/{contract.pk}/withdraw-cancellation/", {})


def refusal(response) -> tuple[int, str, list[str]]:
    error = response.json()["error"]
    return response.status_code, error["code"], [fault["field"] for fault in error["fields"]]


def test_ordinary_notice_ends_the_contract_with_its_term(api, contract):
    ContactFactory(account=contract.account)
    reason = CancellationReason.objects.first()
    response = cancel_by(
        api,
        contract,
        received_at="2026-05-28T09:30:00+02:00",
        reason=reason.code,
        comment="By phone",
    )
    assert response.status_code == 200
    cancellation = Cancellation.objects.get()
    shown = response.json()
    assert (shown["ends_on"], shown["earliest_end"]) == ("2027-01-14", None)
    assert shown["cancellation"] == {
        "id": cancellation.pk,
        "kind": "ordinary",
        "origin": "api",
        "received_at": "2026-05-28T07:30:00Z",
        "wished_on": None,
        "effective_on": "2027-01-14",
        "reason": reason.code,
        "entered_at": "2026-06-01T10:00:00Z",
        "taken_back_at": None,
    }
    assert (cancellation.comment, cancellation.entered_by.is_machine) == ("By phone", True)
    assert OutgoingMail.objects.get().kind == CANCELLATION_RECEIPT
    assert response["ETag"] == api.get(f"contracts/{contract.pk}/")["ETag"]


def test_what_is_left_out_or_null_is_received_now_for_no_reason(api, contract):
    cancel_by(api, contract, wished_on=None, effective_on=None, reason=None, contact=None)
    cancellation = Cancellation.objects.get()
    assert (cancellation.received_at, cancellation.reason, cancellation.origin) == (
        NOW,
        None,
        CancellationOrigin.INTEGRATION,
    )


def test_declared_by_a_contact_who_may_decide_it_comes_from_the_customer(api, contract):
    contact = ContactFactory(account=contract.account)
    assert cancel_by(api, contract, contact=contact.pk).json()["cancellation"]["origin"] == (
        "customer"
    )
    event = TimelineEvent.objects.get(kind="contract_cancelled")
    assert event.facts["contact_id"] == contact.pk


def test_contact_who_may_not_decide_cancels_nothing(api, contract):
    contact = ContactFactory(account=contract.account, may_decide=False)
    foreign = ContactFactory(account=AccountFactory(brand=contract.brand))
    for deed in ("cancel", "keep"):
        body = {"kind": "ordinary"} if deed == "cancel" else {}
        refused = api.post(f"contracts/{contract.pk}/{deed}/", body | {"contact": contact.pk})
        assert refusal(refused) == (422, "may_not_decide", ["contact"])
        unknown = api.post(f"contracts/{contract.pk}/{deed}/", body | {"contact": foreign.pk})
        assert refusal(unknown) == (422, "contact_unknown", ["contact"])
    assert not Cancellation.objects.exists()
    assert not TimelineEvent.objects.filter(kind="contract_kept").exists()


def test_key_that_only_reads_cancels_nothing(make_api_client, contract):
    api = make_api_client("contracts:read")
    for deed in ("cancel", "keep", "withdraw-cancellation"):
        refused = api.post(f"contracts/{contract.pk}/{deed}/", {"kind": "ordinary"})
        assert refused.status_code == 403
    assert not Cancellation.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "silent"}, "kind"),
        ({"kind": None}, "kind"),
        ({"kind": "withdrawal"}, "kind"),
        ({"reason": "unknown"}, "reason"),
        ({"reason": "a\0"}, "reason"),
        ({"received_at": "2026-06-01T11:00:00Z"}, "received_at"),
        ({"received_at": "2025-01-01T00:00:00Z"}, "received_at"),
        ({"received_at": "2026-05-28T09:30:00"}, "received_at"),
        ({"received_at": "0001-01-01T00:00:00+14:00"}, "received_at"),
        ({"wished_on": "2026-05-31"}, "wished_on"),
        ({"wished_on": "31.12.2026"}, "wished_on"),
        ({"effective_on": "2026-12-31"}, "effective_on"),
        ({"contact": "7"}, "contact"),
        ({"contact": 2**63}, "contact"),
        ({"comment": "x" * 5_001}, "comment"),
        ({"origin": "agent"}, "origin"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(api, contract, body, field):
    status, _code, fields = refusal(cancel_by(api, contract, **body))
    assert (status, fields) == (422, [field])
    assert not Cancellation.objects.exists()


def test_last_day_of_extraordinary_notice_is_decided_or_waits(api, contract):
    waiting = cancel_by(api, contract, kind="extraordinary").json()
    assert (waiting["awaits_decision"], waiting["ends_on"]) == (True, None)
    other = ContractFactory()
    decided = cancel_by(api, other, kind="extraordinary", effective_on="2026-06-30").json()
    assert (decided["awaits_decision"], decided["ends_on"]) == (False, "2026-06-30")


def test_second_cancellation_is_a_conflict(api, contract):
    cancel_by(api, contract)
    assert refusal(cancel_by(api, contract)) == (409, "cancellation_stands", [])


def test_repeated_with_its_key_it_is_entered_once(api, contract):
    path, body = f"contracts/{contract.pk}/cancel/", {"kind": "ordinary"}
    first = api.post(path, body, idempotency_key="cancel-1")
    again = api.post(path, body, idempotency_key="cancel-1")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert Cancellation.objects.count() == 1


def test_contract_that_is_over_is_a_conflict(api, contract, time_machine):
    cancel(contract, date(2026, 6, 2))
    contract.refresh_from_db()
    contract.state = "ended"
    contract.save(update_fields=["state"])
    assert refusal(cancel_by(api, contract)) == (409, "contract_is_over", [])


def test_withdrawn_cancellation_lets_the_contract_run_on(api, contract):
    cancel_by(api, contract)
    response = withdraw(api, contract)
    assert (response.status_code, response.json()["ends_on"]) == (200, None)
    taken_back = Cancellation.objects.get()
    assert (taken_back.taken_back_at, taken_back.taken_back_by.is_machine) == (NOW, True)
    assert refusal(withdraw(api, contract)) == (409, "not_cancelled", [])


def test_end_that_came_with_a_feed_changes_there(api):
    by_feed = ContractFactory(ends_on=date(2026, 12, 31))
    assert refusal(withdraw(api, by_feed)) == (409, "not_cancelled", [])
    told_of = ContractFactory()
    cancel_contract(
        contract_id=told_of.pk,
        kind="ordinary",
        origin=CancellationOrigin.FEED,
        received_at=NOW,
        at=NOW,
    )
    assert refusal(withdraw(api, told_of)) == (409, "end_came_with_feed", [])


def test_after_the_last_day_it_stays(api, contract, time_machine):
    cancel(contract, date(2026, 6, 30))
    time_machine.move_to(datetime.fromisoformat("2026-06-30T21:59:00+00:00"), tick=False)
    assert withdraw(api, contract).status_code == 200
    cancel(contract, date(2026, 7, 2), at=datetime.fromisoformat("2026-07-01T10:00:00+00:00"))
    time_machine.move_to(datetime.fromisoformat("2026-07-02T22:00:00+00:00"), tick=False)
    assert refusal(withdraw(api, contract)) == (409, "too_late_to_take_back", [])


def test_what_is_not_known_of_a_withdrawal_is_refused(api, contract):
    cancel_by(api, contract)
    refused = api.post(f"contracts/{contract.pk}/withdraw-cancellation/", {"why": "because"})
    assert refusal(refused) == (422, "invalid", ["why"])
    assert Cancellation.objects.get().stands
