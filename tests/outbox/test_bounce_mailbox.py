"""F20: what servers, people and forgers write to the address that bounces go to."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from cxcrm.base import links
from cxcrm.outbox.models import DeliveryState, MailAddress, MailBounce, OutgoingMail
from cxcrm.outbox.services import (
    MailboxAway,
    bounce_mailbox,
    deliver_mails,
    delivery_reports,
    hold_mails,
    read_bounces,
)
from cxcrm.outbox.services.delivery.message import BOUNCE, envelope_sender, mail_of_envelope_sender
from cxcrm.outbox.services.delivery_reports import bounce_in_report
from tests.outbox.letters import NOW, mail
from tests.outbox.mailbox import MailboxServer, mailbox_on_this_machine

pytestmark = pytest.mark.django_db

REPORTS = Path(__file__).parent / "reports"
LATER = NOW + timedelta(hours=1)
AT = datetime(2026, 6, 1, 10, 30, tzinfo=UTC)


@pytest.fixture
def sent(letters, relay, settings):
    settings.CXCRM_BOUNCE_ADDRESS = "bounces@mail.test"
    letters.queue("ada@example.com")
    deliver_mails(at=NOW)
    return mail()


@pytest.fixture
def mailbox(settings) -> Iterator[MailboxServer]:
    with mailbox_on_this_machine() as mailbox:
        settings.CXCRM_BOUNCE_MAILBOX = f"pop3://bounces:se%3Asame%2F%40@127.0.0.1:{mailbox.port}"
        yield mailbox


def report(name: str, sent: OutgoingMail) -> bytes:
    sealed = envelope_sender(sent.pk, sent.planned_at)
    # One letter of the seal is another.
    forged = sealed[:-15] + ("A" if sealed[-15] != "A" else "B") + sealed[-14:]
    content = (REPORTS / f"{name}.eml").read_bytes()
    return content.replace(b"@@BOUNCES@@", sealed.encode()).replace(b"@@FORGED@@", forged.encode())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("hard", "hard"),
        ("hard-without-status", "hard"),
        ("soft", "soft"),
        ("delayed", None),
        ("relayed", None),
        ("success", None),
        ("auto-reply", None),
        ("forged", None),
        ("foreign-seal", None),
        ("other-recipient", None),
        ("without-report", None),
        ("broken", None),
    ],
)
def test_only_genuine_bounces_count(sent, mailbox, name, kind):
    mailbox.mails = [report(name, sent)]

    noted = read_bounces(at=AT)

    assert noted == {"noted": int(kind is not None), "passed_over": int(kind is None)}
    assert list(MailBounce.objects.values_list("kind", "mail_id")) == (
        [(kind, sent.pk)] if kind else []
    )
    assert (MailAddress.objects.get().bounced_at is not None) == (kind == "hard")
    assert (mail().bounced_at is not None) == (kind is not None)
    assert mailbox.mails == []


def test_hard_bounce_keeps_the_words_and_the_time_of_the_server(sent, mailbox):
    mailbox.mails = [report("hard", sent)]

    read_bounces(at=AT)

    [noted] = MailBounce.objects.all()
    assert (noted.reason, noted.occurred_at, noted.source) == (
        "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown",
        datetime(2026, 6, 1, 10, 0, 5, tzinfo=UTC),
        "mailbox",
    )


def test_words_that_no_database_can_keep_do_not_block_the_mailbox(sent, mailbox):
    unclean = report("hard", sent).replace(
        b"Diagnostic-Code: smtp; ", b"Diagnostic-Code: smtp; \x00\xed"
    )
    mailbox.mails = [unclean, report("delayed", sent)]

    assert read_bounces(at=AT) == {"noted": 1, "passed_over": 1}

    assert mailbox.mails == []
    assert MailAddress.objects.get().bounced_at is not None


@pytest.mark.parametrize(("error", "left"), [(DataError, 0), (OperationalError, 2)])
def test_a_report_that_cannot_be_kept_is_passed_over_and_one_that_can_later_stays(
    sent, mailbox, monkeypatch, error, left
):
    def refuse(**_fields):
        raise error

    monkeypatch.setattr(bounce_mailbox, "note_bounce", refuse)
    mailbox.mails = [report("hard", sent)] * 2

    with pytest.raises(error) if left else nullcontext():
        read_bounces(at=AT)

    assert len(mailbox.mails) == left


def test_a_mail_too_large_to_be_a_report_is_not_even_fetched(sent, mailbox):
    huge = report("hard", sent) + b"x" * bounce_mailbox.LARGEST_MAIL
    mailbox.mails = [huge, report("soft", sent)]

    assert read_bounces(at=AT) == {"noted": 1, "passed_over": 1}

    assert (mailbox.fetched, mailbox.mails) == ([2], [])


def test_a_long_line_does_not_end_the_reading(sent, mailbox):
    mailbox.mails = [b"Subject: x\r\n\r\n" + b"x" * 100_000, report("hard", sent)]

    assert read_bounces(at=AT) == {"noted": 1, "passed_over": 1}


def test_one_run_reads_so_many_and_the_next_the_rest(sent, mailbox):
    mailbox.mails = [report("delayed", sent)] * 2 + [report("hard", sent)]

    assert read_bounces(at=AT, most=2) == {"noted": 0, "passed_over": 2}
    assert read_bounces(at=AT, most=2) == {"noted": 1, "passed_over": 0}


def test_a_run_that_lasts_too_long_says_goodbye_and_keeps_what_it_has_done(
    sent, mailbox, monkeypatch
):
    monkeypatch.setattr(bounce_mailbox, "LONGEST_READING", 0)
    mailbox.mails = [report("delayed", sent), report("hard", sent)]

    assert read_bounces(at=AT) == {"noted": 0, "passed_over": 1}
    assert len(mailbox.mails) == 1
    assert read_bounces(at=AT) == {"noted": 1, "passed_over": 0}


def test_many_made_up_seals_cost_few_queries(sent):
    sealed = envelope_sender(sent.pk, sent.planned_at)
    made_up = (f"bounces+{number}.{'A' * 22}@mail.test" for number in range(1_000))
    flooded = report("hard", sent).replace(
        b"\nTo: ", b"\nTo: " + ",\n ".join(made_up).encode() + b",\n ", 1
    )
    without_seal = flooded.replace(f"Delivered-To: {sealed}".encode(), b"X-Nothing: 1")

    with CaptureQueriesContext(connection) as captured:
        assert bounce_in_report(without_seal, at=AT) is None
    assert len(captured) == 5
    # A server's own word comes first.
    assert bounce_in_report(flooded, at=AT).mail_id == sent.pk


def test_a_mail_without_a_seal_is_not_taken_apart(sent, monkeypatch):
    """Parts in parts in parts: to read them would take half a minute."""

    def take_apart(*_arguments, **_options):
        raise AssertionError

    monkeypatch.setattr(delivery_reports, "message_from_bytes", take_apart)

    assert bounce_in_report(report("forged", sent), at=AT) is None
    with pytest.raises(AssertionError):
        bounce_in_report(report("hard", sent), at=AT)


@pytest.mark.parametrize("is_copy_by", ["setting", "identity"])
def test_a_copy_leaves_the_mailbox_to_the_database_that_sends(sent, mailbox, settings, is_copy_by):
    mailbox.mails = [report("hard", sent)]
    if is_copy_by == "setting":
        settings.CXCRM_HOLD_MAILS = True
    else:
        DeliveryState.objects.update(identity="7392.00000001.16384.16999")

    assert read_bounces(at=AT) == {"noted": 0, "passed_over": 0}
    with pytest.raises(CommandError, match="restored or copied"):
        call_command("read_bounces")

    assert (len(mailbox.mails), mailbox.fetched) == (1, [])


def test_mails_on_hold_by_hand_do_not_keep_what_came_back(sent, mailbox):
    hold_mails(actor=None, at=NOW)
    mailbox.mails = [report("hard", sent)]

    assert read_bounces(at=AT) == {"noted": 1, "passed_over": 0}


def test_a_connection_cut_before_the_goodbye_repeats_the_reading_and_notes_nothing_twice(
    sent, mailbox
):
    mailbox.mails = [report("soft", sent)]
    mailbox.hangs_up = True

    with pytest.raises(MailboxAway):
        read_bounces(at=AT)
    assert len(mailbox.mails) == 1
    mailbox.hangs_up = False

    assert read_bounces(at=AT) == {"noted": 0, "passed_over": 1}
    assert MailBounce.objects.count() == 1


def test_a_wrong_password_is_told_without_the_password(sent, mailbox, settings, caplog):
    settings.CXCRM_BOUNCE_MAILBOX = f"pop3://bounces:wrong@127.0.0.1:{mailbox.port}"

    with pytest.raises(CommandError) as refusal:
        call_command("read_bounces")

    assert str(refusal.value) == "The mailbox does not answer, or not to us: error_proto"
    assert "wrong" not in caplog.text


def test_nothing_is_read_where_no_mailbox_is_named(sent, capsys):
    assert read_bounces(at=AT) == {"noted": 0, "passed_over": 0}
    with pytest.raises(CommandError):
        call_command("read_bounces")


def test_the_command_says_what_it_found(sent, mailbox, capsys):
    mailbox.mails = [report("hard", sent), report("auto-reply", sent)]

    call_command("read_bounces")

    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["1", "bounces", "noted"],
        ["1", "other", "mails"],
    ]


def test_the_envelope_tells_the_mail_and_the_reader_sees_the_brand(sent, relay):
    [(_recipient, message)] = relay.log

    [envelope] = relay.senders
    assert envelope == envelope_sender(sent.pk, sent.planned_at)
    assert mail_of_envelope_sender(f"<{envelope}>") == sent.pk
    assert message["From"] == "Nordlicht <mail@nordlicht.example>"


def test_the_envelope_fits_and_is_the_brands_where_no_bounces_are_wanted(letters, relay, settings):
    settings.CXCRM_BOUNCE_ADDRESS = "b" * 20 + "@mail.test"
    assert len(envelope_sender(10**18 - 1, NOW).partition("@")[0]) <= 64
    settings.CXCRM_BOUNCE_ADDRESS = ""
    letters.queue("ada@example.com")

    deliver_mails(at=NOW)

    assert relay.senders == ["mail@nordlicht.example"]


@pytest.mark.parametrize(
    "address",
    [
        "bounces@mail.test",
        "bounces+1@mail.test",
        "bounces+@mail.test",
        "other+{}@mail.test",
        "bounces+{}@elsewhere.test",
        "bounces+{}x@mail.test",
        "",
    ],
)
def test_other_addresses_are_of_no_mail(sent, address):
    token = envelope_sender(sent.pk, sent.planned_at).partition("@")[0].removeprefix("bounces+")
    mark = sent.planned_at.isoformat()
    other_purpose = links.seal("unsubscribe", sent.pk, bound_to=mark)

    assert mail_of_envelope_sender(f"bounces+{token}@mail.test") == sent.pk
    assert token == links.seal(BOUNCE, sent.pk, bound_to=mark)
    assert mail_of_envelope_sender(address.format(token)) is None
    assert mail_of_envelope_sender(f"bounces+{other_purpose}@mail.test") is None


def test_what_comes_back_of_a_mail_that_a_restore_has_undone_is_of_no_mail(
    sent, letters, relay, mailbox
):
    """Its number has gone to another mail, here even to the same address."""
    told = report("hard", sent)
    [(_recipient, message)] = relay.log
    OutgoingMail.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('outbox_outgoingmail', 'id'), %s, false)",
            [sent.pk],
        )
    letters.queue("ada@example.com", at=LATER)
    deliver_mails(at=LATER)
    mailbox.mails = [told]

    assert mail().pk == sent.pk
    assert read_bounces(at=LATER) == {"noted": 0, "passed_over": 1}
    assert relay.log[1][1]["Message-ID"] != message["Message-ID"]
