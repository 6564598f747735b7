"""The page on which the reader of a mail says which mails are welcome."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest
from django.test import Client

from cxcrm.base.robots import SHORTEST_READING, TRAP_FIELD
from cxcrm.outbox.enums import MailClass, MailState, ObjectionSource
from cxcrm.outbox.models import MailPermission
from cxcrm.outbox.services import deliver_mails, object_to
from cxcrm.outbox.services.unsubscribing import UNDO_WITHIN
from tests.outbox.letters import NOW, mail
from tests.outbox.unsubscribing import (
    ONE_CLICK,
    READER,
    SCANNER,
    allow,
    objections,
    preferences_path,
    unsubscribe_path,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


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
