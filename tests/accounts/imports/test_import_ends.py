"""Ends and cancellations of feeds, beside those that agents enter."""

from datetime import UTC, date, datetime

import pytest

from accounts.enums import ContractState
from accounts.models import Cancellation, CancellationReason, Contract, TimelineEvent
from accounts.services.cancellations import take_back_cancellation
from tests.accounts.imports.feeds import AT, issues, row
from tests.factories import UserFactory, cancel

pytestmark = pytest.mark.django_db

CANCELLED = {
    "ends_on": "2027-01-14",
    "cancelled_on": "2026-05-20",
    "cancellation_kind": "ordinary",
    "cancellation_reason": "price",
    "cancellation_comment": "Too dear,\nshe said",
}


@pytest.fixture(autouse=True)
def reasons():
    for code in ("price", "competitor"):
        CancellationReason.objects.get_or_create(code=code)


def end_events() -> list[tuple]:
    events = TimelineEvent.objects.filter(kind__startswith="contract_end").order_by("id")
    return [(event.kind, event.facts["ends_on"], "import" in event.facts) for event in events]


def test_ends_of_a_feed_are_noted_when_they_come_move_and_go(take_in_rows):
    for ends_on in ("", "2027-01-14", "2027-01-14", "2026-12-31", ""):
        take_in_rows(row(ends_on=ends_on))

    assert end_events() == [
        ("contract_end_set", "2027-01-14", True),
        ("contract_end_set", "2026-12-31", True),
        ("contract_end_taken_back", "2026-12-31", True),
    ]


def test_cancellation_of_a_feed_is_kept_once_and_follows_the_feed(take_in_rows):
    take_in_rows(row(**CANCELLED))
    take_in_rows(row(**CANCELLED))

    cancellation = Cancellation.objects.get()
    assert (cancellation.kind, cancellation.origin) == ("ordinary", "feed")
    assert cancellation.received_at == datetime(2026, 5, 19, 22, tzinfo=UTC)
    assert (cancellation.effective_on, cancellation.reason.code) == (date(2027, 1, 14), "price")
    assert cancellation.comment == "Too dear,\nshe said"
    assert (cancellation.entered_at, cancellation.entered_by) == (AT, None)

    run = take_in_rows(
        row(**CANCELLED | {"ends_on": "2026-12-31", "cancellation_reason": "competitor"})
    )

    cancellation.refresh_from_db()
    assert (cancellation.effective_on, cancellation.reason.code) == (
        date(2026, 12, 31),
        "competitor",
    )
    assert run.counts["cancellations"] == {"added": 0, "changed": 1, "unchanged": 0}
    assert Cancellation.objects.count() == 1


def test_cancellation_of_a_feed_is_taken_back_with_its_end(take_in_rows):
    take_in_rows(row(**CANCELLED))

    take_in_rows(row(ends_on=""))

    assert Cancellation.objects.get().taken_back_at == AT
    assert Contract.objects.get().ends_on is None


def test_feed_does_not_touch_what_an_agent_has_entered(take_in_rows):
    take_in_rows(row())
    contract = Contract.objects.get()
    cancel(contract, date(2026, 8, 31))

    run = take_in_rows(row(ends_on="", price="11.00"), row(contract_number="V2"))
    other = take_in_rows(row(**CANCELLED))

    contract.refresh_from_db()
    assert (contract.ends_on, str(contract.price)) == (date(2026, 8, 31), "9.90")
    assert Cancellation.objects.get().origin == "agent"
    says = "the feed says {}; what was entered at the desk counts: 2026-08-31"
    assert issues(run) == [(2, "ends_on", says.format("no last day"))]
    assert issues(other) == [(2, "ends_on", says.format("2027-01-14"))]
    assert (run.contradictions, run.rows_refused) == (1, 0)


def test_feed_does_not_bring_back_an_end_that_an_agent_took_back(take_in_rows):
    take_in_rows(row(**CANCELLED))
    Cancellation.objects.update(origin="agent")
    agent = UserFactory(role="agent")
    take_back_cancellation(cancellation_id=Cancellation.objects.get().pk, at=AT, actor=agent)

    run = take_in_rows(row(**CANCELLED))

    assert Contract.objects.get().ends_on is None
    reason = "the feed says 2027-01-14; what was entered at the desk counts: no last day"
    assert issues(run) == [(2, "ends_on", reason)]


def test_start_after_an_end_of_the_desk_is_refused(take_in_rows):
    take_in_rows(row())
    cancel(Contract.objects.get(), date(2026, 8, 31))

    run = take_in_rows(row(starts_on="2026-09-01", ends_on="2027-01-14"))

    reason = "lies after the last day that the contract has, 2026-08-31"
    assert issues(run) == [(2, "starts_on", reason)]
    assert run.contradictions == 0


def test_withdrawal_of_a_feed_withdraws_the_contract_for_good(take_in_rows):
    take_in_rows(row())
    withdrawal = CANCELLED | {"cancellation_kind": "withdrawal", "ends_on": "2026-05-20"}

    take_in_rows(row(**withdrawal), row(**withdrawal, contract_number="V2"))
    take_in_rows(row(**withdrawal), row(**withdrawal, contract_number="V2"))

    assert set(Contract.objects.values_list("state", flat=True)) == {ContractState.WITHDRAWN}
    assert Cancellation.objects.filter(kind="withdrawal").count() == 2


@pytest.mark.parametrize("end", ["2026-05-20", "2027-01-14"])
def test_withdrawal_withdraws_a_contract_whose_end_is_known(take_in_rows, end):
    take_in_rows(row(ends_on="2027-01-14"))
    withdrawal = cancellation_row(contract_number="V1", ends_on=end, cancellation_kind="withdrawal")

    run = take_in_rows(withdrawal, mapping="standard_cancellations")
    again = take_in_rows(withdrawal, mapping="standard_cancellations")

    contract = Contract.objects.get()
    assert (contract.state, contract.renewal_date) == (ContractState.WITHDRAWN, None)
    assert Cancellation.objects.get().kind == "withdrawal"
    assert [r.counts["contracts"]["changed"] for r in (run, again)] == [1, 0]


def test_withdrawal_of_a_feed_leaves_the_notice_that_an_agent_entered(take_in_rows):
    take_in_rows(row())
    cancel(Contract.objects.get(), date(2027, 1, 14))

    take_in_rows(row(**CANCELLED | {"cancellation_kind": "withdrawal"}))

    assert Contract.objects.get().state == ContractState.RUNNING
    assert Cancellation.objects.get().origin == "agent"


@pytest.mark.parametrize(
    ("changes", "finding", "refused"),
    [
        (
            {"cancelled_on": "2026-06-02"},
            ("cancelled_on", "lies after 2026-06-01"),
            1,
        ),
        (
            {"ends_on": ""},
            ("cancelled_on", "the feed says a cancellation, and no last day is known"),
            0,
        ),
        (
            {"cancellation_kind": "angry"},
            (
                "cancellation_kind",
                "“angry” is none of ordinary, extraordinary, switch, withdrawal",
            ),
            1,
        ),
    ],
)
def test_cancellations_that_do_not_fit_are_named(take_in_rows, changes, finding, refused):
    run = take_in_rows(row(**CANCELLED | changes))

    assert issues(run) == [(2, *finding)]
    assert (run.rows_refused, run.contradictions) == (refused, 1 - refused)


def test_unknown_reason_is_refused_with_those_that_there_are(take_in_rows):
    CancellationReason.objects.exclude(code="price").delete()

    run = take_in_rows(row(**CANCELLED | {"cancellation_reason": "mood"}))

    reason = "there is no cancellation reason “mood”; there are price"
    assert issues(run) == [(2, "cancellation_reason", reason)]


def cancellation_row(**changes: str) -> dict[str, str]:
    return {
        "contract_number": "",
        "account_number": "",
        "cancelled_on": "2026-05-20",
        "ends_on": "",
        "cancellation_reason": "price",
    } | changes


def test_cancellations_by_contract_set_its_end(take_in_rows):
    take_in_rows(row(), row(contract_number="V2", ends_on="2026-12-31"))
    rows = [
        cancellation_row(contract_number="V1", ends_on="2026-05-31"),
        cancellation_row(contract_number="V2", account_number="K1"),
    ]

    run = take_in_rows(*rows, mapping="standard_cancellations")
    again = take_in_rows(*rows, mapping="standard_cancellations")

    contracts = Contract.objects.order_by("external_id")
    assert list(contracts.values_list("ends_on", "state", "renewal_date")) == [
        (date(2026, 5, 31), "ended", None),
        (date(2026, 12, 31), "running", None),
    ]
    found = Cancellation.objects.order_by("contract__external_id")
    assert list(found.values_list("effective_on", "origin", "reason__code")) == [
        (date(2026, 5, 31), "feed", "price"),
        (date(2026, 12, 31), "feed", "price"),
    ]
    assert run.counts["contracts"]["changed"] == 1
    assert run.counts["cancellations"] == {"added": 2, "changed": 0, "unchanged": 0}
    assert again.counts["contracts"]["changed"] == 0
    assert again.counts["cancellations"] == {"added": 0, "changed": 0, "unchanged": 2}
    assert end_events() == [("contract_end_set", "2026-05-31", True)]


def test_cancellations_by_account_mean_the_contracts_that_ended_on_the_day(take_in_rows):
    take_in_rows(
        row(ends_on="2026-05-20"),
        row(contract_number="V2", ends_on="2026-05-20"),
        row(contract_number="V3"),
    )

    run = take_in_rows(
        cancellation_row(account_number="K1"),
        cancellation_row(account_number="K1", cancelled_on="2026-05-19"),
        cancellation_row(account_number="K1", cancelled_on="2026-05-01", ends_on="2026-05-20"),
        mapping="standard_cancellations",
    )

    found = Cancellation.objects.order_by("contract__external_id")
    assert list(found.values_list("contract__external_id", "effective_on")) == [
        ("V1", date(2026, 5, 20)),
        ("V2", date(2026, 5, 20)),
    ]
    reason = "no contract of this account ended on 2026-05-19; running: 1"
    assert issues(run) == [(3, "cancelled_on", reason)]
    assert (run.contradictions, run.rows_refused) == (1, 0)


def test_cancellations_refuse_what_is_not_there(take_in_rows):
    take_in_rows(row(), row(account_number="K2", contact_number="P2", contract_number="V2"))

    run = take_in_rows(
        cancellation_row(),
        cancellation_row(contract_number="V9"),
        cancellation_row(account_number="K9"),
        cancellation_row(contract_number="V1", account_number="K2", ends_on="2026-12-31"),
        cancellation_row(contract_number="V1"),
        cancellation_row(contract_number="V2", ends_on="2025-01-01"),
        cancellation_row(contract_number="V2", ends_on="2026-12-31"),
        mapping="standard_cancellations",
    )

    assert issues(run) == [
        (2, "contract_number", "is missing, and so is the account_number"),
        (3, "contract_number", "there is no contract of this number"),
        (4, "account_number", "there is no account of this number"),
        (5, "contract_number", "belongs to another account"),
        (6, "contract_number", "stands in line 5 already"),
        (7, "ends_on", "lies before the start, 2026-01-15"),
        (8, "contract_number", "stands in line 7 already"),
    ]
    assert Cancellation.objects.count() == 0

    alone = take_in_rows(cancellation_row(contract_number="V1"), mapping="standard_cancellations")
    missing = "is missing, and no last day of the contract is known"
    assert issues(alone) == [(2, "ends_on", missing)]


def test_cancellations_leave_those_of_the_desk_alone(take_in_rows):
    take_in_rows(row())
    cancel(Contract.objects.get(), date(2026, 8, 31))

    run = take_in_rows(
        cancellation_row(contract_number="V1", ends_on="2026-12-31"),
        mapping="standard_cancellations",
    )

    reason = "the feed says 2026-12-31; what was entered at the desk counts: 2026-08-31"
    assert issues(run) == [(2, "ends_on", reason)]
    assert Cancellation.objects.get().origin == "agent"
    assert Contract.objects.get().ends_on == date(2026, 8, 31)
