"""Mails are handed over once, if they may still go, by the worker that has claimed them."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.db import ProgrammingError

from cxcrm.outbox.enums import LegalBasis, MailClass, MailReason, MailState, ObjectionSource
from cxcrm.outbox.models import MailAddress, OutgoingMail
from cxcrm.outbox.services import (
    DeliveryCounts,
    PermissionGrant,
    deliver_mails,
    grant_permissions,
    kinds,
    mark_bounced,
    object_to,
)
from cxcrm.outbox.sql.mails import claim_due_mails
from tests.outbox.letters import NOW, come_due, mail

pytestmark = pytest.mark.django_db


def test_deliver_hands_over_once_with_the_relays_answer(letters, relay):
    letters.queue("ada@example.com")

    counts = deliver_mails(at=NOW)
    again = deliver_mails(at=NOW)

    assert (counts, again) == (DeliveryCounts(accepted=1), DeliveryCounts())
    [(recipient, message)] = relay.log
    assert recipient == "ada@example.com"
    assert {
        name: message[name]
        for name in ("From", "To", "Reply-To", "Subject", "Auto-Submitted", "Content-Language")
    } == {
        "From": "Nordlicht <mail@nordlicht.example>",
        "To": "ada@example.com",
        "Reply-To": "service@nordlicht.example",
        "Subject": "For Ada Lovelace: €53.85",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "en",
    }
    sent = mail()
    assert (sent.state, sent.outcome, sent.attempt, sent.uncertain, sent.finished_at) == (
        MailState.ACCEPTED,
        "250 2.0.0 OK: queued as 1",
        1,
        0,
        NOW,
    )
    assert (sent.subject_line, sent.facts["amount"], sent.facts["day"]) == (
        "For Ada Lovelace: €53.85",
        "53.85",
        "2028-04-14",
    )


def test_deliver_keeps_one_connection_over_all_mails(letters, relay):
    letters.queue(*(f"p{number}@example.com" for number in range(45)))
    relay.at_recipient["p7@example.com"] = "550 5.1.1 unknown"

    counts = deliver_mails(at=NOW)

    assert counts == DeliveryCounts(accepted=44, failed=1)
    assert relay.recipients == [f"p{number}@example.com" for number in range(45) if number != 7]
    assert relay.connections == 1


def test_deliver_acts_as_of_the_later_of_now_and_the_planned_day(letters, relay):
    later = NOW + timedelta(days=30)
    letters.queue("a@example.com", at=later)

    deliver_mails(at=NOW)

    assert letters.asked_at == [later]
    assert mail().finished_at == later


def test_deliver_does_not_begin_what_another_worker_has_claimed(letters, relay):
    letters.queue("a@example.com")
    letters.while_writing = take_over

    assert deliver_mails(at=NOW) == DeliveryCounts(overtaken=1)

    assert relay.log == []
    assert (mail().state, mail().worker, mail().attempt) == (MailState.CLAIMED, "other:1", 2)


def test_deliver_records_nothing_once_another_worker_has_claimed(letters):
    letters.queue("a@example.com")

    assert deliver_mails(at=NOW, connection=SlowRelay()) == DeliveryCounts(overtaken=1)

    assert (mail().state, mail().worker, mail().outcome) == (MailState.CLAIMED, "other:1", "")


def take_over():
    come_due()
    claim_due_mails(worker="other:1", lease_seconds=60, limit=20)


class SlowRelay(BaseEmailBackend):
    """So slow that the lease runs out meanwhile."""

    def send_messages(self, messages):
        take_over()
        return 1


def test_deliver_asks_right_before_sending_whether_it_may(letters, relay):
    letters.queue("a@example.com", "b@example.com")
    letters.refusals[1] = "The contract is over."

    assert deliver_mails(at=NOW) == DeliveryCounts(suppressed=1, accepted=1)

    assert (mail().state, mail().outcome, mail().finished_at) == (
        MailState.SUPPRESSED,
        "The contract is over.",
        NOW,
    )
    assert relay.recipients == ["b@example.com"]


def test_deliver_sends_nothing_to_a_bounced_address(letters, relay):
    letters.queue("a@example.com")
    mark_bounced(address_id=mail().address_id, reason="550", at=NOW)

    assert deliver_mails(at=NOW) == DeliveryCounts(suppressed=1)

    assert (mail().outcome, relay.log) == ("The address has bounced.", [])


def test_deliver_sends_news_only_with_a_permission_that_nobody_objected_to(letters, relay):
    letters.queue("none@example.com", "other@example.com", "no@example.com", "yes@example.com")
    OutgoingMail.objects.update(kind="news")
    granted = {
        number: PermissionGrant(
            address_id=mail(number).address_id,
            mail_class=MailClass.SURVEY if number == 2 else MailClass.NEWSLETTER,
            basis=LegalBasis.CONSENT,
            source="test",
        )
        for number in (2, 3, 4)
    }
    object_to(
        address_id=mail(3).address_id,
        mail_class=MailClass.NEWSLETTER,
        via=ObjectionSource.PHONE,
        at=NOW,
    )
    grant_permissions(grants=list(granted.values()), at=NOW)

    assert deliver_mails(at=NOW) == DeliveryCounts(suppressed=3, accepted=1)

    assert [mail(number).outcome for number in (1, 2, 3)] == [
        "There is no permission for mail of this class.",
        "There is no permission for mail of this class.",
        "The owner of the address has objected.",
    ]
    assert relay.recipients == ["yes@example.com"]


def test_deliver_keeps_a_kind_that_only_a_younger_release_knows(letters, relay):
    letters.queue("a@example.com", "b@example.com")
    OutgoingMail.objects.filter(subject_id=1).update(kind="of_tomorrow")

    assert deliver_mails(at=NOW) == DeliveryCounts(released=1, accepted=1)

    assert (mail().state, mail().attempt) == (MailState.QUEUED, 0)


def next_turn(at: datetime) -> DeliveryCounts:
    come_due()
    return deliver_mails(at=at)


@pytest.mark.parametrize("is_kind_known", [True, False])
def test_deliver_gives_up_what_no_release_can_write(letters, relay, is_kind_known):
    letters.queue("a@example.com")
    if is_kind_known:

        def facts(subject_id, at):
            raise ProgrammingError("no such column")

        kinds._kinds["letter"] = replace(kinds.mail_kind("letter"), facts=facts)
    else:
        OutgoingMail.objects.update(kind="of_tomorrow")
    within_an_update = NOW + timedelta(hours=1)
    after_it = within_an_update + timedelta(seconds=1)

    assert [next_turn(within_an_update) for _turn in range(30)] == [DeliveryCounts(released=1)] * 30
    assert [next_turn(after_it) for _try in range(22)] == [
        *[DeliveryCounts(postponed=1)] * 21,
        DeliveryCounts(failed=1),
    ]

    assert (mail().state, mail().reason) == (MailState.FAILED, MailReason.NOT_WRITTEN)
    assert mail().outcome.startswith("ProgrammingError" if is_kind_known else "UnknownMailKind")
    assert relay.log == []


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        ("surrogate", "UnicodeEncodeError"),
        ("raises", "ZeroDivisionError"),
        ("no template", "TemplateDoesNotExist"),
        ("no value", "KeyError"),
        ("sender", "ValueError"),
        ("address", "UnicodeEncodeError"),
    ],
)
def test_deliver_fails_one_mail_that_cannot_be_written_and_sends_the_others(
    letters, relay, poison, reason
):
    letters.queue(*(f"p{number}@example.com" for number in range(1, 6)))
    facts = letters.facts

    def facts_with_poison(subject_id, at):
        values = facts(subject_id, at)
        if subject_id == 3:
            match poison:
                case "surrogate":
                    values["recipient_name"] = "A\udc80da\ud800"
                case "raises":
                    1 / 0  # noqa: B018 - the failure
                case "no value":
                    del values["brand"]
                case "sender":
                    values["brand"] = {
                        **values["brand"],
                        "sender_address": "m@b.example\nBcc: x@y.example",
                    }
        return values

    kinds._kinds["letter"] = replace(kinds._kinds["letter"], facts=facts_with_poison)
    if poison == "no template":
        kinds._kinds["broken"] = replace(kinds._kinds["letter"], template="letters/none")
        OutgoingMail.objects.filter(subject_id=3).update(kind="broken")
    if poison == "address":
        MailAddress.objects.filter(address="p3@example.com").update(address="bücher@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=4, failed=1)

    assert (mail(3).state, mail(3).outcome.split(":")[0]) == (MailState.FAILED, reason)
    assert relay.recipients == [f"p{number}@example.com" for number in (1, 2, 4, 5)]


def test_deliver_stops_in_time_and_rings_for_the_rest(
    letters, relay, django_capture_on_commit_callbacks
):
    letters.queue("a@example.com", "b@example.com")

    with django_capture_on_commit_callbacks() as rung:
        counts = deliver_mails(at=NOW, seconds=0)

    assert (counts, len(rung)) == (DeliveryCounts(released=2), 1)
    assert (mail().state, mail().attempt) == (MailState.QUEUED, 0)
    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=2)


def test_deliver_without_the_lease_check_lets_an_overtaken_worker_send(letters, relay, settings):
    """The experiments' teeth bite: without this guard a second copy goes out."""
    settings.CXCRM_TEETH = {"lease-check"}
    letters.queue("a@example.com")
    letters.while_writing = take_over

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)


def test_deliver_without_the_re_read_sends_what_was_refused(letters, relay, settings):
    settings.CXCRM_TEETH = {"re-read"}
    letters.queue("a@example.com")
    letters.refusals[1] = "The contract is over."

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)
