"""F21 and the page behind the link in every mail that is no service mail."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.test import Client, override_settings

from cxcrm.base.links import row_of, seal
from cxcrm.base.robots import SHORTEST_READING, TRAP_FIELD
from cxcrm.outbox.enums import LegalBasis, MailClass, MailReason, MailState, ObjectionSource
from cxcrm.outbox.models import MailAddress, MailPermission, OutgoingMail
from cxcrm.outbox.services import (
    DeliveryCounts,
    PermissionGrant,
    deliver_mails,
    grant_permissions,
    object_to,
    remember_addresses,
)
from cxcrm.outbox.services.unsubscribing import (
    PREFERENCES,
    UNDO_WITHIN,
    UNSUBSCRIBE,
    address_mark,
)
from tests.outbox.letters import NOW, mail

pytestmark = pytest.mark.django_db

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
READER, SCANNER = "198.51.100.7", "203.0.113.9"


@pytest.fixture(autouse=True)
def clock(time_machine) -> Callable[[timedelta], None]:
    time_machine.move_to(NOW, tick=False)
    return time_machine.shift


def allow(*mail_classes: MailClass, address="ada@example.com") -> int:
    address_id = remember_addresses(addresses=[address])[address]
    grants = [
        PermissionGrant(
            address_id=address_id,
            mail_class=mail_class,
            basis=LegalBasis.CONSENT,
            source="test",
        )
        for mail_class in mail_classes
    ]
    grant_permissions(grants=grants, at=NOW)
    return address_id


def objections() -> dict[str, str]:
    return dict(
        MailPermission.objects.filter(objected_at__isnull=False)
        .order_by("mail_class")
        .values_list("mail_class", "objected_via")
    )


def contents() -> dict[str, list]:
    """Of every table; an objection is a change, a wrong link counted is none."""
    return {
        model._meta.label: sorted(map(str, model.objects.values_list()))
        for model in apps.get_models()
        if model._meta.managed
    }


def sealed(purpose: str, subject: int | str) -> str:
    mark = address_mark(row_of(str(subject))) or ""
    return seal(purpose, subject, bound_to=mark)


def unsubscribe_path(address_id: int, mail_class: MailClass = MailClass.NEWSLETTER) -> str:
    return f"/mail/unsubscribe/{sealed(UNSUBSCRIBE, f'{address_id}-{mail_class}')}/"


def preferences_path(address_id: int) -> str:
    return f"/mail/preferences/{sealed(PREFERENCES, address_id)}/"


# --- One click


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


# --- The page


class Reader:
    """A person with a browser."""

    def __init__(self, path: str, clock, *, address: str = READER) -> None:
        self.client = Client(enforce_csrf_checks=True, REMOTE_ADDR=address)
        self.clock = clock
        self.page = self.client.get(path)

    @property
    def text(self) -> str:
        return unescape(self.page.text)

    @property
    def buttons(self) -> list[str]:
        return re.findall(r'<button[^>]* name="deed" value="([^"]*)"', self.text)

    def form(self) -> dict[str, str]:
        """The fields of the form, as they stand there."""
        inputs = re.findall(r'<input[^>]* name="(\w+)"(?:[^>]* value="([^"]*)")?', self.text)
        return dict(inputs)

    def press(self, deed: str, *, after: timedelta = SHORTEST_READING, **fields) -> "Reader":
        assert deed in self.buttons
        action = re.search(r'<form method="post" action="([^"]*)"', self.text)[1]
        form = self.form()
        self.clock(after)
        self.page = self.client.post(action, {**form, "deed": deed, **fields})
        return self


def test_page_shows_what_the_address_gets(clock):
    address_id = allow(MailClass.NEWSLETTER, MailClass.SURVEY)
    object_to(address_id=address_id, mail_class=MailClass.SURVEY, via=ObjectionSource.PHONE, at=NOW)

    reader = Reader(preferences_path(address_id), clock)

    assert "ada@example.com" in reader.text
    assert reader.buttons == ["stop:newsletter", "all"]
    assert "Not sent to you any more since June 1, 2026." in reader.text


def test_reader_says_no_more_with_one_press_and_takes_it_back(clock):
    address_id = allow(MailClass.NEWSLETTER, MailClass.SURVEY)
    reader = Reader(preferences_path(address_id), clock)

    reader.press("stop:newsletter")

    assert "We send you no more mails of this kind." in reader.text
    assert objections() == {"newsletter": ObjectionSource.PAGE}
    assert reader.buttons == ["undo:newsletter", "stop:survey", "all"]
    reader.press("undo:newsletter")
    assert "You get these mails again." in reader.text
    assert objections() == {}
    assert MailPermission.objects.count() == 2


def test_reader_says_no_to_everything_also_to_what_nobody_has_allowed_yet(clock):
    address_id = allow(MailClass.NEWSLETTER)
    reader = Reader(preferences_path(address_id), clock)

    reader.press("all")

    assert objections() == dict.fromkeys(
        ("alert", "newsletter", "programme", "survey"), ObjectionSource.PAGE
    )
    assert "all" not in reader.buttons
    reader.press("undo:survey")
    # What was never allowed is not allowed by taking an objection back.
    assert not MailPermission.objects.filter(mail_class="survey").exists()


def test_undo_is_for_a_day_and_for_what_the_page_has_done(clock):
    address_id = allow(MailClass.NEWSLETTER, MailClass.SURVEY)
    Client().post(unsubscribe_path(address_id, MailClass.SURVEY), ONE_CLICK)
    reader = Reader(preferences_path(address_id), clock).press("stop:newsletter")
    assert reader.buttons == ["undo:newsletter"]

    # The page stays open, and its nonce fresh, but the objection has grown old.
    MailPermission.objects.filter(mail_class="newsletter").update(objected_at=NOW - UNDO_WITHIN)
    reader.press("undo:newsletter")

    assert "This can be undone for a day only." in reader.text
    assert set(objections()) == {"newsletter", "survey"}
    assert reader.buttons == []


def test_one_click_link_opened_by_a_person_is_the_page(clock):
    address_id = allow(MailClass.NEWSLETTER)

    reader = Reader(unsubscribe_path(address_id), clock).press("stop:newsletter")

    assert objections() == {"newsletter": ObjectionSource.PAGE}
    assert reader.page.status_code == 200


@pytest.mark.parametrize(
    "deed", ["stop:service", "stop:everything", "undo:", "delete:newsletter", ""]
)
def test_page_does_nothing_else(clock, deed):
    address_id = allow(MailClass.NEWSLETTER)
    reader = Reader(preferences_path(address_id), clock)
    form = reader.form()
    clock(SHORTEST_READING)

    answer = reader.client.post(preferences_path(address_id), {**form, "deed": deed})

    assert answer.status_code == 400
    assert objections() == {}


def test_page_speaks_and_looks_as_the_newest_mail(letters, relay, clock):
    address_id = allow(MailClass.NEWSLETTER)
    letters.queue("ada@example.com", kind="news", language="de")
    deliver_mails(at=NOW)

    page = Client(headers={"accept-language": "fr"}).get(preferences_path(address_id))

    assert page["Content-Language"] == "de"
    assert ("Nordlicht Hosting GmbH" in page.text, "#1d4ed8" in page.text) == (True, True)
    assert (page["Cache-Control"], page["X-Robots-Tag"]) == ("no-store", "noindex, nofollow")


def test_page_of_an_address_that_gets_nothing(clock):
    address_id = allow()

    reader = Reader(preferences_path(address_id), clock)

    assert "Nothing but mails about your contracts." in reader.text
    assert reader.buttons == []


# --- V12: robots on the page

ROBOTS = {
    "faster than a reader": {"after": timedelta(seconds=1)},
    "fills in all it finds": {TRAP_FIELD: "https://robot.example"},
    "brings no nonce": {"nonce": ""},
    "makes a nonce up": {"nonce": "1780308000:made-up"},
}


@pytest.mark.parametrize("robot", ROBOTS.values(), ids=ROBOTS)
def test_robots_that_press_buttons_change_nothing_and_people_go_on(clock, robot):
    address_id = allow(MailClass.NEWSLETTER)
    reader = Reader(preferences_path(address_id), clock)

    reader.press("all", **robot)

    assert reader.page.status_code == 200
    assert "Please confirm once more" in reader.text
    assert objections() == {}
    reader.press("stop:newsletter")
    assert objections() == {"newsletter": ObjectionSource.PAGE}


def test_robot_that_posts_the_found_form_from_another_address_changes_nothing(clock):
    address_id = allow(MailClass.NEWSLETTER)
    reader = Reader(preferences_path(address_id), clock)
    form = reader.form()
    clock(timedelta(seconds=10))
    reader.client.defaults["REMOTE_ADDR"] = SCANNER

    answer = reader.client.post(preferences_path(address_id), {**form, "deed": "all"})

    assert "Please confirm once more" in answer.text
    assert objections() == {}


def test_form_without_the_cookie_against_forgery_is_refused(clock):
    address_id = allow(MailClass.NEWSLETTER)
    form = Reader(preferences_path(address_id), clock).form()
    clock(SHORTEST_READING)

    answer = Client(enforce_csrf_checks=True, REMOTE_ADDR=READER).post(
        preferences_path(address_id), {**form, "deed": "all"}
    )

    assert answer.status_code == 403
    assert objections() == {}


def test_scanner_that_opens_every_link_of_every_mail_changes_nothing(letters, relay, clock):
    """It opens what stands in the text, in HTML and in the headers, and asks for heads."""
    addresses = [f"p{number}@example.com" for number in range(30)]
    for address in addresses:
        allow(MailClass.NEWSLETTER, address=address)
    letters.queue(*addresses, kind="news")
    deliver_mails(at=NOW)
    links = {
        urlsplit(link).path
        for _to, message in relay.log
        for text in (
            message["List-Unsubscribe"],
            *(part.get_content() for part in message.walk() if not part.is_multipart()),
        )
        for link in re.findall(r"https?://[^\s<>\"]+/mail/[^\s<>\"]+", text)
    }
    assert len(links) >= 30
    scanner = Client(REMOTE_ADDR=SCANNER)

    statuses = {scanner.get(link).status_code for link in links}
    statuses |= {scanner.head(link).status_code for link in links}

    assert statuses == {200}
    assert objections() == {}
    assert mail().state == MailState.ACCEPTED
