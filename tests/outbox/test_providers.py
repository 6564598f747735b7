"""Mails that leave through a provider's API: anymail is real, Postmark plays on this machine."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from cxcrm.outbox.enums import BounceSource, MailReason, MailState
from cxcrm.outbox.models import MailAddress, MailBounce, OutgoingMail
from cxcrm.outbox.services import DeliveryCounts, deliver_mails
from tests.outbox.letters import NOW, come_due, mail
from tests.outbox.provider import Provider, provider_on_this_machine

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    with provider_on_this_machine() as provider:
        settings.CXCRM_MAIL_PROVIDER = "postmark"
        settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
        settings.CXCRM_BOUNCE_ADDRESS = "bounces@mail.test"
        settings.ANYMAIL = {
            "POSTMARK_SERVER_TOKEN": "sesame",
            "POSTMARK_API_URL": f"http://127.0.0.1:{provider.port}/",
            "REQUESTS_TIMEOUT": (1, 0.3),
        }
        yield provider


def minutes_to_wait() -> float:
    seconds = OutgoingMail.objects.filter(pk=mail().pk).values_list(Now(), flat=True).get()
    return (mail().due_at - seconds) / timedelta(minutes=1)


def test_provider_takes_a_mail_under_our_message_id_and_number(letters, provider):
    letters.queue("ada@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)

    [(headers, letter)] = provider.log
    sent = mail()
    told = {header["Name"]: header["Value"] for header in letter["Headers"]}
    assert (letter["From"], letter["To"], letter["ReplyTo"], letter["Subject"]) == (
        "Nordlicht <mail@nordlicht.example>",
        "ada@example.com",
        "service@nordlicht.example",
        "For Ada Lovelace: €53.85",
    )
    assert letter["Metadata"] == {"mail": str(sent.pk)}
    assert told["Message-ID"].startswith(f"<{sent.pk}.")
    assert told["X-PM-KeepID"] == "true"
    assert headers["Idempotency-Key"] == told["Message-ID"].strip("<>")
    assert (sent.state, sent.relay, sent.provider_id, sent.outcome) == (
        MailState.ACCEPTED,
        "Postmark",
        "0a129aee-1",
        "sent",
    )


def test_provider_is_away_where_nobody_listens(letters, provider, settings):
    settings.ANYMAIL = settings.ANYMAIL | {"POSTMARK_API_URL": "http://127.0.0.1:1/"}
    letters.queue("a@example.com", "b@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(released=2)

    assert (mail().state, mail().attempt, mail().uncertain) == (MailState.QUEUED, 0, 0)
    assert deliver_mails(at=NOW) == DeliveryCounts()


@pytest.mark.parametrize("status", [401, 403])
def test_provider_that_refuses_us_is_away_and_no_mail_is_to_blame(letters, provider, status):
    provider.answers = [(status, {"ErrorCode": 10, "Message": "Bad or missing token."})]
    letters.queue("a@example.com", "b@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(released=2)

    assert len(provider.log) == 1
    assert (mail().state, mail().attempt, mail().uncertain) == (MailState.QUEUED, 0, 0)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_provider_that_is_busy_is_asked_again_soon(letters, provider, status):
    provider.answers = [(status, {"Message": "later"})]
    letters.queue("a@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(postponed=1)

    assert (mail().reason, mail().outcome) == (
        MailReason.TEMPORARY,
        f'{status} {{"Message": "later"}}',
    )
    assert 1 <= minutes_to_wait() + 0.05 <= 1.3
    come_due()
    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)
    keys = [headers["Idempotency-Key"] for headers, _letter in provider.log]
    assert len(keys) == 2
    assert len(set(keys)) == 1


@pytest.mark.parametrize("answer", [0, -1, 504], ids=["hangs up", "keeps silent", "gateway"])
def test_provider_whose_answer_is_lost_may_have_the_mail(letters, provider, answer):
    provider.answers = [(answer, {})]
    letters.queue("a@example.com", "b@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(postponed=1, accepted=1)

    assert (mail().reason, mail().uncertain) == (MailReason.UNCERTAIN, 1)
    assert minutes_to_wait() >= 4.9


def test_provider_that_answers_nonsense_may_have_the_mail(letters, provider):
    provider.answers = [(200, {"hello": "world"})]
    letters.queue("a@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(postponed=1)

    assert mail().reason == MailReason.UNCERTAIN


def test_provider_that_refuses_a_recipient_ends_the_address(letters, provider):
    provider.answers = [
        (
            422,
            {
                "ErrorCode": 406,
                "Message": "You tried to send to a recipient that has been marked as inactive.\n"
                "Found inactive addresses: gone@example.com.\n"
                "Inactive recipients are ones that have generated a hard bounce.",
            },
        )
    ]
    letters.queue("gone@example.com", "b@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(failed=1, accepted=1)

    assert (mail().state, mail().reason, mail().attempt) == (
        MailState.FAILED,
        MailReason.REFUSED,
        1,
    )
    assert MailAddress.objects.get(address="gone@example.com").bounced_at == NOW
    [bounce] = MailBounce.objects.all()
    assert (bounce.source, bounce.mail_id) == (BounceSource.RELAY, mail().pk)


def test_provider_that_refuses_a_content_does_not_blame_the_address(letters, provider):
    provider.answers = [(422, {"ErrorCode": 300, "Message": "Invalid metadata content."})]
    letters.queue("a@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(failed=1)

    assert mail().outcome.startswith("422 ")
    assert MailAddress.objects.get().bounced_at is None
