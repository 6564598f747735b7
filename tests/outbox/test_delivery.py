from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models.functions import Now

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


def due_in(mail: OutgoingMail) -> timedelta:
    """From the database's clock to the next try, in whole minutes."""
    seconds = OutgoingMail.objects.filter(pk=mail.pk).values_list(Now(), flat=True).get()
    return timedelta(minutes=round((mail.due_at - seconds).total_seconds() / 60))


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


def test_deliver_tries_again_after_a_temporary_refusal(letters, relay):
    letters.queue("a@example.com")
    relay.at_end["a@example.com"] = "451 4.3.0 later"

    assert deliver_mails(at=NOW) == DeliveryCounts(postponed=1)
    waits = []
    for _try in range(4):
        waits.append(due_in(mail()))
        assert (mail().state, mail().outcome) == (MailState.QUEUED, "451 4.3.0 later")
        assert deliver_mails(at=NOW) == DeliveryCounts()
        come_due()
        deliver_mails(at=NOW)
    relay.at_end.clear()
    come_due()
    deliver_mails(at=NOW)

    for wait, minutes in zip(waits, (1, 5, 15, 60), strict=True):
        assert timedelta(minutes=minutes) <= wait <= timedelta(minutes=minutes) * 1.2
    assert (mail().state, mail().attempt, mail().uncertain) == (MailState.ACCEPTED, 6, 0)
    assert len({message["Message-ID"] for _to, message in relay.log}) == 1


def test_deliver_gives_up_after_three_days_of_temporary_refusals(letters, relay):
    letters.queue("a@example.com")
    relay.at_end["a@example.com"] = "451 4.3.0 later"

    tries = 0
    while mail().state != MailState.FAILED:
        come_due()
        deliver_mails(at=NOW)
        tries += 1

    assert (tries, mail().outcome) == (22, "451 4.3.0 later")


@pytest.mark.parametrize(
    ("answer", "bounced"),
    [
        ("550 5.1.1 no such user", True),
        ("550 unknown", True),
        ("550 5.7.1 blocked by our policy", False),
        ("550 blocked by our policy", False),
        ("552 5.2.2 mailbox full", False),
    ],
)
def test_deliver_fails_what_is_refused_for_good(letters, relay, answer, bounced):
    letters.queue("gone@example.com", "b@example.com")
    relay.at_recipient["gone@example.com"] = answer

    assert deliver_mails(at=NOW) == DeliveryCounts(failed=1, accepted=1)

    assert (mail().state, mail().outcome, mail().attempt) == (MailState.FAILED, answer, 1)
    address = MailAddress.objects.get(address="gone@example.com")
    assert (address.bounced_at, address.bounce_reason) == ((NOW, answer) if bounced else (None, ""))


@pytest.mark.parametrize("answer", ["550 relay not permitted", "550 5.7.1 relaying denied"])
def test_deliver_keeps_a_mail_that_the_relay_does_not_pass_on(letters, relay, answer, caplog):
    letters.queue("a@example.com")
    relay.at_recipient["a@example.com"] = answer

    assert deliver_mails(at=NOW) == DeliveryCounts(postponed=1)

    assert (mail().state, mail().reason) == (MailState.QUEUED, MailReason.TEMPORARY)
    assert MailAddress.objects.get().bounced_at is None
    assert "relay_refuses_us" in caplog.text


def test_deliver_keeps_a_mail_whose_sender_the_relay_refuses(letters, relay, caplog):
    letters.queue("a@example.com")
    relay.at_sender = "550 5.7.1 sender not allowed"

    assert deliver_mails(at=NOW) == DeliveryCounts(postponed=1)

    assert (mail().state, mail().outcome) == (MailState.QUEUED, "550 5.7.1 sender not allowed")
    assert "relay_refuses_us" in caplog.text
    relay.at_sender = ""
    come_due()
    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)


def test_deliver_goes_on_after_an_answer_that_no_database_can_keep(letters, relay):
    letters.queue("a@example.com", "b@example.com")
    relay.at_recipient["a@example.com"] = "550 5.1.1 no\x00such user"

    assert deliver_mails(at=NOW) == DeliveryCounts(failed=1, accepted=1)

    assert mail().outcome == "550 5.1.1 nosuch user"
    address = MailAddress.objects.get(address="a@example.com")
    assert address.bounce_reason == "550 5.1.1 nosuch user"


def test_deliver_does_not_blame_the_address_for_a_refused_content(letters, relay):
    letters.queue("a@example.com")
    relay.at_end["a@example.com"] = "550 5.1.1 looks like spam"

    deliver_mails(at=NOW)

    assert mail().state == MailState.FAILED
    assert MailAddress.objects.get().bounced_at is None


def test_deliver_waits_long_after_a_lost_answer_and_repeats_the_message_id(letters, relay):
    letters.queue("a@example.com", "b@example.com")
    relay.at_end["a@example.com"] = "reset"

    assert deliver_mails(at=NOW) == DeliveryCounts(postponed=1, accepted=1)
    uncertain = mail()
    assert (uncertain.state, uncertain.uncertain) == (MailState.QUEUED, 1)
    assert uncertain.outcome.startswith("No answer after the mail was handed over")
    assert due_in(uncertain) >= timedelta(minutes=5)

    relay.at_end.clear()
    come_due()
    deliver_mails(at=NOW)

    assert mail().state == MailState.ACCEPTED
    copies = [message["Message-ID"] for to, message in relay.log if to == "a@example.com"]
    assert len(copies) == 2
    assert len(set(copies)) == 1
    assert copies[0].endswith("@mail.test>")


def test_deliver_stops_at_the_third_uncertain_copy(letters, relay):
    letters.queue("a@example.com")
    relay.at_end["a@example.com"] = "reset"

    for _try in range(5):
        come_due()
        deliver_mails(at=NOW)

    assert relay.recipients == ["a@example.com"] * 3
    assert (mail().state, mail().uncertain) == (MailState.FAILED, 3)
    assert mail().outcome.startswith("Uncertain after 3 tries; it may have arrived.")


def test_deliver_counts_a_worker_that_died_while_sending_as_uncertain(letters, relay):
    letters.queue("a@example.com", "b@example.com")
    claim_due_mails(worker="dead:1", lease_seconds=60, limit=20)
    OutgoingMail.objects.filter(subject_id=1).update(state=MailState.SENDING)
    OutgoingMail.objects.filter(subject_id=2).update(state=MailState.SENDING, uncertain=2)
    assert deliver_mails(at=NOW) == DeliveryCounts()

    come_due()

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1, failed=1)
    assert relay.recipients == ["a@example.com"]
    assert (mail(1).uncertain, mail(1).attempt) == (1, 2)
    assert mail(2).outcome == (
        "Uncertain after 3 tries; it may have arrived. No worker told how the last try ended."
    )


def test_a_mail_found_half_sent_waits_as_long_as_after_a_lost_answer(letters, relay, settings):
    settings.EMAIL_TIMEOUT = 60
    settings.CXCRM_MAIL_LEASE_SECONDS = 60
    settings.CXCRM_MAIL_UNCERTAIN_SECONDS = 300
    letters.queue("a@example.com")

    with pytest.raises(KeyboardInterrupt):
        deliver_mails(at=NOW, connection=Killed())

    assert mail().state == MailState.SENDING
    # It may have been handed over at the end of the timeout.
    assert due_in(mail()) == timedelta(minutes=6)


class Killed(BaseEmailBackend):
    def send_messages(self, messages):
        raise KeyboardInterrupt


def test_deliver_leaves_the_relay_alone_while_it_is_away(letters, settings, relay):
    letters.queue(*(f"p{number}@example.com" for number in range(30)))
    settings.EMAIL_PORT = 1

    assert deliver_mails(at=NOW) == DeliveryCounts(released=20)
    first = mail(1)
    assert (first.state, first.attempt, due_in(first)) == (
        MailState.QUEUED,
        0,
        timedelta(minutes=1),
    )
    assert deliver_mails(at=NOW) == DeliveryCounts()


def test_a_host_without_a_way_to_the_relay_stops_no_other(letters, settings, relay, monkeypatch):
    letters.queue(*(f"p{number}@example.com" for number in range(30)))
    there, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    monkeypatch.setattr("socket.gethostname", lambda: "cut-off")
    assert deliver_mails(at=NOW) == DeliveryCounts(released=20)
    settings.EMAIL_PORT = there

    monkeypatch.setattr("socket.gethostname", lambda: "well")

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=10)


def test_a_relay_that_is_away_stops_no_other(letters, settings, relay):
    letters.queue(*(f"p{number}@example.com" for number in range(30)))
    there, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    deliver_mails(at=NOW)

    settings.EMAIL_PORT = there

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=10)


def test_deliver_goes_on_when_the_relay_is_back(letters, settings, relay):
    settings.CXCRM_MAIL_RETRY_SECONDS = 0
    letters.queue(*(f"p{number}@example.com" for number in range(30)))
    there, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    deliver_mails(at=NOW)

    settings.EMAIL_PORT = there

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=30)


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
