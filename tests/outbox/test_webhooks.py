"""Postmark tells what became of mails, through anymail's real view."""

import base64
import json
from datetime import UTC, datetime

import pytest
from anymail.signals import AnymailTrackingEvent
from django.test import Client

from cxcrm.outbox.api import take_event
from cxcrm.outbox.models import MailAddress, MailBounce
from cxcrm.outbox.services import deliver_mails
from tests.outbox.letters import NOW, mail

pytestmark = pytest.mark.django_db

HOOK = "/hooks/mail/postmark/tracking/"
SECRET = "postmark:a-long-and-random-secret"


@pytest.fixture
def letters(letters, settings):
    settings.CXCRM_MAIL_PROVIDER = "postmark"
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}
    return letters


@pytest.fixture
def sent(letters, relay):
    letters.queue("ada@example.com")
    deliver_mails(at=NOW)
    return mail()


def tell(event: dict, *, path: str = HOOK, secret: str = SECRET) -> int:
    told = Client(enforce_csrf_checks=True, raise_request_exception=False).post(
        path,
        json.dumps(event),
        content_type="application/json",
        headers={"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()},
    )
    return told.status_code


def bounce(mail_id: int, kind: str = "HardBounce", **fields) -> dict:
    return {
        "RecordType": "SpamComplaint" if kind == "SpamComplaint" else "Bounce",
        "ID": 901542550,
        "Type": kind,
        "MessageID": "0a129aee-1",
        "Metadata": {"mail": str(mail_id)},
        "Email": "ada@example.com",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "BouncedAt": "2026-06-01T10:05:00Z",
        **fields,
    }


def test_hook_notes_a_hard_bounce_once(sent):
    assert [tell(bounce(sent.pk)) for _time in range(3)] == [200, 200, 200]

    [noted] = MailBounce.objects.all()
    assert (noted.kind, noted.source, noted.event_id, noted.mail_id, noted.occurred_at) == (
        "hard",
        "provider",
        "Postmark 901542550",
        sent.pk,
        datetime(2026, 6, 1, 10, 5, tzinfo=UTC),
    )
    address = MailAddress.objects.get()
    assert address.bounced_at is not None
    assert address.bounce_reason.startswith("smtp;550 5.1.1")
    assert mail().bounced_at == noted.occurred_at


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({"kind": "SoftBounce", "Details": "smtp;452 4.2.2 mailbox full"}, ["soft"]),
        ({"kind": "SoftBounce", "Details": ""}, ["soft"]),
        ({"kind": "HardBounce", "Details": ""}, ["hard"]),
        ({"kind": "BadEmailAddress", "Details": ""}, ["hard"]),
        (
            {"kind": "SoftBounce", "Details": "", "Subject": "hard facts", "Tag": "permanent"},
            ["soft"],
        ),
        ({"kind": "Blocked", "Details": "smtp;550 5.7.1 spam"}, ["soft"]),
        ({"kind": "SpamComplaint", "Details": ""}, ["complaint"]),
        ({"kind": "Transient"}, []),
        ({"kind": "AutoResponder"}, []),
        ({"kind": "Unknown"}, []),
    ],
)
def test_hook_sorts_what_it_is_told(sent, fields, kinds):
    assert tell(bounce(sent.pk, **fields)) == 200

    assert list(MailBounce.objects.values_list("kind", flat=True)) == kinds
    assert (MailAddress.objects.get().bounced_at is not None) == ("hard" in kinds)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"event": "hard_bounce"}, "hard"),
        ({"event": "soft_bounce"}, "soft"),
        ({"event-data": {"event": "failed", "severity": "permanent"}}, "hard"),
        ({"event-data": {"event": "failed", "severity": "temporary"}}, "soft"),
        ({"bounce": {"bounceType": "Permanent", "bounceSubType": "General"}}, "hard"),
        ({"bounce": {"bounceType": "Transient", "bounceSubType": "General"}}, "soft"),
        ({"event": "bounce", "hard_bounce": True}, "hard"),
        ({"event": "bounce", "hard_bounce": False}, "soft"),
        ({"data": {"type": "hard_bounced"}}, "hard"),
        ({"payload": {"status": "HardFail"}}, "hard"),
        ({"event": "bounce", "email": "hardy@example.com", "tag": "permanent"}, "soft"),
        ({"events": [{"type": "bounce", "subject": "hard"}, {"type": "HardBounce"}]}, "hard"),
        (None, "soft"),
    ],
)
def test_event_without_codes_goes_by_the_fields_for_its_kind(sent, told, kind):
    event = AnymailTrackingEvent(
        event_type="bounced",
        timestamp=NOW,
        message_id="0a129aee-1",
        recipient="ada@example.com",
        metadata={"mail": str(sent.pk)},
        esp_event=told,
    )

    take_event(event=event, esp_name="Provider")

    assert MailBounce.objects.get().kind == kind


def test_hook_takes_words_that_no_database_can_keep(sent):
    words = "smtp;550 5.1.1 a\x00b \ud800c"

    assert tell(bounce(sent.pk, Details=words, Email="ada@example.com\x00")) == 200

    assert MailAddress.objects.get().bounce_reason == "smtp;550 5.1.1 ab c"


def test_hook_does_not_believe_a_number_of_a_mail_to_somebody_else(sent):
    assert tell(bounce(sent.pk, Email="somebody-else@other.example")) == 200

    assert not MailBounce.objects.exists()
    assert (mail().bounced_at, MailAddress.objects.get().bounced_at) == (None, None)


def test_hook_passes_over_deliveries_and_strangers(sent):
    delivered = {"RecordType": "Delivery", "MessageID": "0a129aee-1", "Recipient": "a@b.example"}

    assert tell(delivered) == 200
    assert tell(bounce(0, Email="stranger@example.com", MessageID="unheard-of")) == 200

    assert not MailBounce.objects.exists()


def test_hook_knows_a_mail_by_the_providers_number(sent):
    type(sent).objects.update(provider_id="0a129aee-1")

    assert tell(bounce(0, Metadata={}, Email="")) == 200

    assert MailBounce.objects.get().mail_id == sent.pk


def test_hook_does_not_blame_the_mail_that_has_the_number_of_one_undone_by_a_restore(sent):
    grace = MailAddress.objects.create(address="grace@example.com")

    assert tell(bounce(sent.pk, Email="Grace@example.com", MessageID="of-the-lost-one")) == 200

    [noted] = MailBounce.objects.all()
    assert (noted.mail_id, noted.address_id) == (None, grace.pk)
    assert mail().bounced_at is None
    assert MailAddress.objects.get(pk=sent.address_id).bounced_at is None


@pytest.mark.parametrize("secret", ["", "postmark:", "postmark:guessed", "other:" + SECRET])
def test_hook_believes_nobody_without_the_secret(sent, secret):
    assert tell(bounce(sent.pk), secret=secret) == 400

    assert not MailBounce.objects.exists()


def test_hook_is_there_for_the_provider_in_use_alone(sent, settings):
    assert tell(bounce(sent.pk), path="/hooks/mail/mailgun/tracking/") == 404
    assert tell(bounce(sent.pk), path="/hooks/mail/unheard-of/tracking/") == 404
    settings.CXCRM_MAIL_PROVIDER = "scaleway"  # tells nothing
    assert tell(bounce(sent.pk), path="/hooks/mail/scaleway/tracking/") == 404
    settings.CXCRM_MAIL_PROVIDER = "smtp"
    assert tell(bounce(sent.pk), path="/hooks/mail/smtp/tracking/") == 404
    assert tell(bounce(sent.pk)) == 404

    assert not MailBounce.objects.exists()


def test_hook_is_closed_where_no_secret_is_set(sent, settings):
    settings.ANYMAIL = {}

    assert tell(bounce(sent.pk), secret="") == 404


@pytest.mark.parametrize("content", [[], "x", {"RecordType": "Bounce"}, {}])
def test_hook_bears_nonsense(sent, content):
    tell(content)

    assert not MailBounce.objects.exists()
