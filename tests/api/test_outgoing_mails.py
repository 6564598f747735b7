from datetime import timedelta

import pytest

from cxcrm.outbox.models import OutgoingMail
from tests.api.answers import MOST_QUERIES
from tests.factories import NOW, AccountFactory, MailAddressFactory


@pytest.fixture
def api(make_api_client):
    return make_api_client("mails:read")


def mail(**details) -> OutgoingMail:
    known = {
        "kind": "renewal_reminder",
        "subject_id": 1,
        "language": "en",
        "planned_at": NOW,
        "due_at": NOW,
    }
    address = details.pop("address", None) or MailAddressFactory()
    return OutgoingMail.objects.create(address=address, **known | details)


def ids(response) -> list[int]:
    return [row["id"] for row in response.json()["results"]]


def test_mail_is_shown_without_what_it_says(api):
    account = AccountFactory()
    row = mail(
        account_id=account.pk,
        address=MailAddressFactory(address="rosa@morgenrot.example"),
        state="accepted",
        finished_at=NOW + timedelta(minutes=1),
        outcome="250 ok",
        relay="mx.relay.example",
        attempt=1,
        subject_line="Your contract renews",
        facts={"secret": "of the customer"},
    )
    assert api.get(f"outgoing-mails/{row.pk}/").json() == {
        "id": row.pk,
        "kind": "renewal_reminder",
        "account": account.pk,
        "address": "rosa@morgenrot.example",
        "language": "en",
        "mail_class": "service",
        "state": "accepted",
        "reason": "",
        "outcome": "250 ok",
        "planned_at": "2026-06-01T10:00:00Z",
        "due_at": "2026-06-01T10:00:00Z",
        "finished_at": "2026-06-01T10:01:00Z",
        "relay": "mx.relay.example",
        "bounced_at": None,
        "attempt": 1,
        "subject_line": "Your contract renews",
    }


def test_key_of_a_brand_sees_the_mails_of_its_accounts_alone(make_api_client):
    account = AccountFactory()
    mine, foreign, nobodys = (
        mail(account_id=account.pk, subject_id=1),
        mail(account_id=AccountFactory().pk, subject_id=2),
        mail(subject_id=3),
    )
    api = make_api_client("mails:read", brands=[account.brand])
    assert ids(api.get("outgoing-mails/")) == [mine.pk]
    for row in (foreign, nobodys):
        assert api.get(f"outgoing-mails/{row.pk}/").status_code == 404
    everything = make_api_client("mails:read")
    assert ids(everything.get("outgoing-mails/")) == [mine.pk, foreign.pk, nobodys.pk]


def test_filters_find_the_one_and_leave_out_the_other(api):
    other = mail(subject_id=1)
    account = AccountFactory()
    wanted = mail(
        subject_id=2,
        kind="cancellation_receipt",
        account_id=account.pk,
        address=MailAddressFactory(address="rosa@morgenrot.example"),
        state="suppressed",
        reason="objected",
        planned_at=NOW + timedelta(hours=1),
        finished_at=NOW + timedelta(hours=2),
    )
    for query in (
        {"account": account.pk},
        {"kind": "cancellation_receipt"},
        {"address": "rosa@morgenrot.example"},
        {"state": "suppressed"},
        {"reason": "objected"},
        {"finished_after": "2026-06-01T12:00:00Z"},
        {"finished_before": "2026-06-01T12:00:01Z"},
    ):
        assert ids(api.get("outgoing-mails/", **query)) == [wanted.pk], query
    assert ids(api.get("outgoing-mails/", finished_before="2026-06-01T12:00:00Z")) == []
    assert ids(api.get("outgoing-mails/", order="-id")) == [wanted.pk, other.pk]


def test_by_moment_come_the_mails_that_are_finished(api):
    late, early = (
        mail(
            subject_id=hours,
            state="suppressed",
            reason="objected",
            finished_at=NOW + timedelta(hours=hours),
        )
        for hours in (2, 1)
    )
    mail(subject_id=3)  # waits
    first = api.get("outgoing-mails/", order="finished_at", limit=1)
    assert ids(first) == [early.pk]
    assert ids(api.get(first.json()["next"])) == [late.pk]


def test_a_list_costs_as_many_queries_for_three_rows_as_for_one(api, django_assert_max_num_queries):
    mail(subject_id=1)
    api.get("outgoing-mails/")  # notes when the key was last used
    with django_assert_max_num_queries(MOST_QUERIES) as one:
        api.get("outgoing-mails/")
    mail(subject_id=2)
    mail(subject_id=3)
    with django_assert_max_num_queries(len(one)):
        assert len(ids(api.get("outgoing-mails/"))) == 3


def test_mails_are_written_by_cxcrm_alone(api):
    row = mail()
    assert api.post("outgoing-mails/", {}).status_code == 405
    assert api.patch(f"outgoing-mails/{row.pk}/", {"state": "queued"}).status_code == 405
