"""What follows from the relay's answers, and where it gives none."""

from datetime import timedelta

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models.functions import Now

from cxcrm.outbox.enums import MailReason, MailState
from cxcrm.outbox.models import MailAddress, OutgoingMail
from cxcrm.outbox.services import DeliveryCounts, deliver_mails
from cxcrm.outbox.sql.mails import claim_due_mails
from tests.outbox.letters import NOW, come_due, mail

pytestmark = pytest.mark.django_db


def due_in(mail: OutgoingMail) -> timedelta:
    """From the database's clock to the next try, in whole minutes."""
    seconds = OutgoingMail.objects.filter(pk=mail.pk).values_list(Now(), flat=True).get()
    return timedelta(minutes=round((mail.due_at - seconds).total_seconds() / 60))


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
        ("550 Sending rate limit exceeded", False),
        ("550 5.1.1 <a@b.example>: User unknown in relay recipient table", True),
        ("550 <a@b.example>: User unknown in relay recipient table", True),
        ("550 5.1.1 no such user, relay access denied", True),
        ("550 relay01.kunde.example: mailbox unavailable", False),
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


@pytest.mark.parametrize(
    "answer",
    [
        "550 relay not permitted",
        "550 5.7.1 relaying denied",
        "554 5.7.1 <a@example.com>: Relay access denied",
        "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
        "550 We do not relay",
    ],
)
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
