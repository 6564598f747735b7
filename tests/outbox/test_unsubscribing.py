"""F21: the link in every mail that is no service mail."""

import re
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.test import Client, override_settings

from cxcrm.base.links import seal
from cxcrm.outbox.enums import MailClass, MailReason, MailState, ObjectionSource
from cxcrm.outbox.models import MailAddress, MailPermission, OutgoingMail
from cxcrm.outbox.services import DeliveryCounts, deliver_mails
from cxcrm.outbox.services.unsubscribing import PREFERENCES, UNSUBSCRIBE
from tests.outbox.letters import NOW
from tests.outbox.unsubscribing import (
    ONE_CLICK,
    SCANNER,
    allow,
    objections,
    preferences_path,
    sealed,
    unsubscribe_path,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def contents() -> dict[str, list]:
    """Of every table; an objection is a change, a wrong link counted is none."""
    return {
        model._meta.label: sorted(map(str, model.objects.values_list()))
        for model in apps.get_models()
        if model._meta.managed
    }


@override_settings(CXCRM_BASE_URL="https://crm.example")
def test_every_mail_that_is_no_service_mail_offers_one_click(letters, relay):
    allow(MailClass.NEWSLETTER)
    letters.queue("ada@example.com", kind="news")
    letters.queue("ada@example.com", kind="letter")
    deliver_mails(at=NOW)

    sent = {message["X-CXCRM-Mail"]: message for _to, message in relay.log}
    news = sent[str(OutgoingMail.objects.get(kind="news").pk)]
    letter = sent[str(OutgoingMail.objects.get(kind="letter").pk)]

    assert re.fullmatch(
        r"<https://crm\.example/mail/unsubscribe/\d+-newsletter\.[\w-]{22}/>",
        news["List-Unsubscribe"].strip(),  # folded into a line of its own
    )
    # Programs that read it know nothing of encoded words.
    assert "=?" not in dict(news.raw_items())["List-Unsubscribe"]
    assert news["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (letter["List-Unsubscribe"], letter["List-Unsubscribe-Post"]) == (None, None)


def test_one_click_of_the_mail_program_counts_at_once_and_in_the_middle_of_a_wave(letters, relay):
    address_id = allow(MailClass.NEWSLETTER, MailClass.SURVEY)
    letters.queue("ada@example.com", kind="news")
    deliver_mails(at=NOW)
    [(_to, message)] = relay.log
    path = urlsplit(message["List-Unsubscribe"].strip(" <>")).path
    # The rest of the wave is queued already.
    OutgoingMail.objects.all().delete()
    MailAddress.objects.update(capped_on=None)
    letters.queue("ada@example.com", kind="news")
    letters.queue("ada@example.com", kind="letter")
    client = Client(enforce_csrf_checks=True)

    answers = [client.post(path, ONE_CLICK) for _twice in range(2)]

    assert [(answer.status_code, answer.content, answer.cookies) for answer in answers] == [
        (200, b"", {}),
        (200, b"", {}),
    ]
    assert objections() == {"newsletter": ObjectionSource.ONE_CLICK}
    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1, suppressed=1)
    ends = dict(OutgoingMail.objects.values_list("kind", "state"))
    assert ends == {"news": MailState.SUPPRESSED, "letter": MailState.ACCEPTED}
    assert OutgoingMail.objects.get(kind="news").reason == MailReason.OBJECTED
    assert MailPermission.objects.get(address=address_id, mail_class="survey").objected_at is None


def test_one_click_comes_in_either_form_of_a_post():
    """RFC 8058 allows multipart/form-data and application/x-www-form-urlencoded."""
    for number, options in enumerate(
        ({}, {"content_type": "application/x-www-form-urlencoded"}), start=1
    ):
        address_id = allow(MailClass.NEWSLETTER, address=f"a{number}@example.com")
        body = "List-Unsubscribe=One-Click" if options else ONE_CLICK
        assert Client().post(unsubscribe_path(address_id), body, **options).status_code == 200

    assert MailPermission.objects.filter(objected_via=ObjectionSource.ONE_CLICK).count() == 2


@pytest.mark.parametrize("body", [{}, {"List-Unsubscribe": "yes"}, {"deed": "all"}])
def test_other_posts_to_the_one_click_link_change_nothing(body):
    address_id = allow(MailClass.NEWSLETTER)

    assert Client().post(unsubscribe_path(address_id), body).status_code == 400

    assert objections() == {}


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("path_of", [unsubscribe_path, preferences_path])
def test_opening_a_link_changes_nothing(letters, method, path_of):
    address_id = allow(MailClass.NEWSLETTER)
    letters.queue("ada@example.com", kind="news")
    before = contents()

    answer = getattr(Client(), method)(path_of(address_id))

    assert answer.status_code == 200
    assert contents() == before
    assert (method == "head") == (answer.content == b"")


def wrong_paths() -> list[str]:
    address_id = allow(MailClass.NEWSLETTER)
    right = sealed(UNSUBSCRIBE, f"{address_id}-newsletter")
    subject, _dot, mac = right.partition(".")
    tokens = [
        right[:-1],
        f"{address_id}-survey.{mac}",
        f"{address_id + 1}-newsletter.{mac}",
        f"{address_id}.{mac}",
        f"{subject}.{'A' * 22}",
        "nonsense",
    ]
    other_purposes = [
        f"/mail/unsubscribe/{sealed(PREFERENCES, f'{address_id}-newsletter')}/",
        f"/mail/preferences/{sealed(UNSUBSCRIBE, address_id)}/",
        f"/mail/preferences/{right}/",
        f"/mail/unsubscribe/{sealed('decide', address_id)}/",
    ]
    gone = [preferences_path(10**9), unsubscribe_path(10**9)]
    # What a restore has undone: the number of the address was somebody else's.
    was = {"bound_to": "grace@example.com"}
    undone = [
        f"/mail/unsubscribe/{seal(UNSUBSCRIBE, f'{address_id}-newsletter', **was)}/",
        f"/mail/preferences/{seal(PREFERENCES, address_id, **was)}/",
    ]
    return [f"/mail/unsubscribe/{token}/" for token in tokens] + other_purposes + gone + undone


def test_wrong_links_get_the_same_refusal_and_change_nothing():
    paths = wrong_paths()

    answers = [
        (client_method(path, ONE_CLICK).status_code, len(client_method(path).content))
        for path in paths
        for client_method in (Client().get, Client().post)
    ]

    assert len(set(answers)) == 1
    assert answers[0][0] == 404
    assert objections() == {}


def test_too_many_wrong_links_are_refused_while_right_ones_open():
    address_id = allow(MailClass.NEWSLETTER)
    client = Client(REMOTE_ADDR=SCANNER)

    statuses = [client.get("/mail/preferences/1.nonsense/").status_code for _try in range(61)]

    assert (set(statuses[:60]), statuses[60]) == ({404}, 429)
    assert client.post(unsubscribe_path(address_id), ONE_CLICK).status_code == 200
