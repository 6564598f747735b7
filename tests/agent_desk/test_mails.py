"""Outgoing mail at the desk: its lists, and what is told of one."""

import pytest
from django.urls import reverse

from cxcrm.outbox.enums import BounceKind, BounceSource, MailReason, MailState
from cxcrm.outbox.models import MailBounce, OutgoingMail
from cxcrm.users.enums import Role
from tests.factories import NOW, MailAddressFactory

LIST = "admin:outbox_outgoingmail_changelist"


def make_mail(subject_id: int, state: MailState, **details) -> OutgoingMail:
    return OutgoingMail.objects.create(
        kind="renewal_reminder",
        subject_id=subject_id,
        address=MailAddressFactory(),
        language="en",
        state=state,
        planned_at=NOW,
        due_at=NOW,
        finished_at=NOW if state in MailState.FINAL else None,
        **details,
    )


@pytest.fixture
def mails(db) -> dict[str, OutgoingMail]:
    mails = {
        "quiet": make_mail(1, MailState.QUEUED, reason=MailReason.QUIET_HOURS),
        "uncertain": make_mail(2, MailState.QUEUED, reason=MailReason.UNCERTAIN, uncertain=1),
        "sent": make_mail(3, MailState.ACCEPTED, relay="mx.example.com", provider_id="4711"),
        "back": make_mail(4, MailState.ACCEPTED, bounced_at=NOW, outcome="250 OK"),
        "dead": make_mail(5, MailState.SUPPRESSED, reason=MailReason.ADDRESS_BOUNCED),
        "given up": make_mail(6, MailState.FAILED, reason=MailReason.UNCERTAIN, uncertain=3),
    }
    MailBounce.objects.create(
        address=mails["back"].address,
        mail_id=mails["back"].pk,
        kind=BounceKind.HARD,
        source=BounceSource.MAILBOX,
        event_id="1",
        occurred_at=NOW,
    )
    return mails


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"show": "all"}, {"quiet", "uncertain", "sent", "back", "dead", "given up"}),
        ({"show": "waiting"}, {"quiet", "uncertain"}),
        ({"show": "waiting", "reason": "quiet_hours"}, {"quiet"}),
        ({"show": "uncertain"}, {"uncertain"}),
        ({"show": "accepted"}, {"sent", "back"}),
        ({"show": "came-back"}, {"back"}),
        ({"reason": "uncertain"}, {"uncertain", "given up"}),
        ({"reason": "address_bounced"}, {"dead"}),
        ({"show": "suppressed", "reason": "objected"}, set()),
        ({"reason": "unheard_of"}, {"quiet", "uncertain", "sent", "back", "dead", "given up"}),
    ],
)
def test_lists_narrow_mails_by_state_and_reason(desk, mails, asked, expected):
    response = desk(Role.AGENT).get(reverse(LIST), asked)

    found = {mail.pk for mail in response.context["cl"].result_list}
    assert found == {mails[name].pk for name in expected}


def test_list_says_in_words_what_became_of_a_mail(desk, mails):
    page = desk(Role.AGENT).get(reverse(LIST)).text

    for words in ("Quiet hours", "Came back: 250 OK", "Dead address", "Renewal reminder"):
        assert words in page


def test_page_says_which_relay_took_a_mail_under_which_number(desk, mails):
    page = desk(Role.AGENT).get(
        reverse("admin:outbox_outgoingmail_change", args=[mails["sent"].pk])
    )

    for words in ("mx.example.com", "4711", "Service", "Renewal reminder"):
        assert words in page.text
