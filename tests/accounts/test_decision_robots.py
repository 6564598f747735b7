"""V12: link scanners open every link of fifty mails, and none of them decides anything."""

import pytest
from django.test import Client

from accounts.models import Cancellation, DecisionCode, RenewalReminder
from cxcrm.base.robots import LONGEST_READING
from cxcrm.outbox.services import deliver_mails
from tests.accounts.deciding import READ_AT, Reader, path_of, remind
from tests.accounts.robots import crawl, send_all_forms
from tests.factories import AccountFactory, BrandFactory, ContractFactory

pytestmark = pytest.mark.django_db

MAILS = 50
ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture
def links(time_machine, settings, mailoutbox) -> list[str]:
    """What the reminders of fifty customers lead to, read from their mails."""
    settings.CXCRM_BASE_URL = "https://crm.example.com"
    settings.CXCRM_QUIET_HOURS = ""
    brand = BrandFactory()
    for _ in range(MAILS):
        remind(ContractFactory(account=AccountFactory(brand=brand)))
    time_machine.move_to(READ_AT, tick=False)
    deliver_mails(at=READ_AT)
    lines = [line for mail in mailoutbox for line in mail.body.splitlines()]
    links = [line for line in lines if line.startswith("https://crm.example.com/renewal/")]
    assert len(links) == MAILS
    return [link.removeprefix("https://crm.example.com") for link in links]


def nothing_was_decided() -> None:
    assert not Cancellation.objects.exists()
    assert not DecisionCode.objects.exists()
    assert not RenewalReminder.objects.filter(kept_at__isnull=False).exists()


def robot() -> Client:
    return Client(enforce_csrf_checks=True)


def test_scanners_that_open_links_decide_nothing(links):
    for link in links:
        crawl(robot(), link)
        crawl(robot(), link, method="head")

    nothing_was_decided()


@pytest.mark.parametrize("fill_in", ["", "1"])
@pytest.mark.parametrize(
    ("seconds", "meta"), [(0, {}), (2, {}), (1, ELSEWHERE), (9, ELSEWHERE)], ids=str
)
def test_scanners_that_send_the_forms_decide_nothing(links, time_machine, seconds, meta, fill_in):
    sent = 0
    for link in links[:10]:
        with_cookies, without = robot(), robot()
        pages = crawl(with_cookies, link)
        time_machine.shift(seconds)
        sent += send_all_forms(with_cookies, pages, fill_in=fill_in, **meta)
        sent += send_all_forms(without, pages, fill_in=fill_in, **meta)

    assert sent == 10 * 2 * 2  # to keep, and to have a code sent
    nothing_was_decided()


def test_scanner_that_sends_what_it_gets_back_at_once_decides_nothing(links, time_machine):
    for link in links[:10]:
        client = robot()
        crawl(client, link)
        for _ in range(3):
            time_machine.shift(1)
            send_all_forms(client, crawl(client, link), fill_in="", **ELSEWHERE)

    nothing_was_decided()


def test_people_keep_with_two_clicks_after_the_scanners_were_there(links, time_machine):
    for link in links:
        client = robot()
        send_all_forms(client, crawl(client, link), fill_in="", **ELSEWHERE)

    for reminder in RenewalReminder.objects.all():
        Reader(reminder, time_machine).keep()

    assert RenewalReminder.objects.filter(kept_at__isnull=False).count() == MAILS


def doubtful_posts(reader):
    nonce = reader.open().context["nonce"]
    foreign = reader.open("cancel/").context["nonce"]
    yield "at once", {"nonce": nonce}, {}
    reader.clock.shift(5)
    yield "from another address", {"nonce": nonce}, {"REMOTE_ADDR": "203.0.113.9"}
    yield "without a nonce", {}, {}
    yield "with the nonce of another form", {"nonce": foreign}, {}
    yield "with every field filled in", {"nonce": nonce, "homepage": "x"}, {}
    reader.clock.shift(LONGEST_READING)
    yield "much later", {"nonce": nonce}, {}


def test_doubtful_post_keeps_nothing_and_is_asked_to_confirm(reader):
    for how, fields, meta in doubtful_posts(reader):
        answer = reader.client.post(path_of(reader.reminder), fields, **meta)

        assert "Please confirm once more." in answer.content.decode(), how
        assert not reader.has_kept(), how


def test_person_who_was_doubted_confirms_with_one_more_click(reader):
    asked = reader.client.post(path_of(reader.reminder), {"nonce": "made-up"})
    reader.clock.shift(5)

    reader.client.post(path_of(reader.reminder), {"nonce": asked.context["nonce"]})

    assert reader.has_kept()


def test_doubtful_post_mails_no_code(reader):
    nonce = reader.open("cancel/").context["nonce"]

    answer = reader.client.post(path_of(reader.reminder, "code/"), {"nonce": nonce})

    assert "Please confirm once more." in answer.content.decode()
    assert not DecisionCode.objects.exists()


def test_post_without_the_cookie_is_refused(reader):
    robot = Client(enforce_csrf_checks=True)
    nonce = reader.open().context["nonce"]
    reader.clock.shift(5)

    assert robot.post(path_of(reader.reminder), {"nonce": nonce}).status_code == 403
    assert not reader.has_kept()
