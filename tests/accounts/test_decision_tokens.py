"""The link itself: what is none, how often one may try, and where links in mails lead."""

import re
from ipaddress import ip_network

import pytest
from django.db import connection
from django.test import Client

from accounts.services.decision_links import reminder_mark
from cxcrm.base.customer_pages import WRONG_LINKS_A_MINUTE
from cxcrm.base.links import seal
from cxcrm.outbox.services import deliver_mails
from tests.accounts.deciding import (
    READ_AT,
    Reader,
    newest_digits,
    path_of,
    remind,
    table_contents,
)
from tests.factories import AccountFactory, ContractFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def reminder(reader):
    return reader.reminder


@pytest.fixture
def clock(reader):
    return reader.clock


# --- V09: what is no link


def refusals(reminder) -> dict[str, str]:
    mark = reminder_mark(reminder.pk)
    token = seal("decide", reminder.pk, bound_to=mark)
    return {
        "cut": token[:-1],
        "other purpose": seal("preferences", reminder.pk, bound_to=mark),
        "other row": f"{reminder.pk + 1}.{token.partition('.')[2]}",
        "no such row": seal("decide", reminder.pk + 1_000, bound_to=mark),
        "other row's facts": seal("decide", reminder.pk, bound_to=f"{mark}0"),
        "JWT without algorithm": "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxNyJ9.",
        "SQL": f"{reminder.pk}'--.AAAAAAAAAAAAAAAAAAAAAA",
    }


@pytest.mark.parametrize("place", ["", "cancel/", "code/"])
def test_whatever_is_no_link_gets_the_same_page(reminder, place):
    answers = [Client().get(f"/renewal/{token}/{place}") for token in refusals(reminder).values()]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_whatever_is_no_link_takes_no_post(reminder):
    before = table_contents()

    for token in refusals(reminder).values():
        for page in ("", "cancel/", "code/"):
            Client().post(f"/renewal/{token}/{page}", {"nonce": "x", "code": "123456"})

    after = table_contents()
    assert after == before


def test_link_mailed_before_a_restore_opens_nobody_elses_contract(reader):
    """The backup was taken before the reminder was decided: another one gets its number."""
    link = path_of(reader.reminder)
    number = reader.reminder.pk
    reader.reminder.delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('accounts_renewalreminder', 'id'), %s, false)",
            [number],
        )
    reader.clock.shift(60)
    other = remind(ContractFactory(account=AccountFactory(), external_id="B-SECRET"))

    answer = Client().get(link)

    assert other.pk == number
    assert answer.status_code == 404
    assert "B-SECRET" not in answer.text
    assert Client().get(path_of(other)).status_code == 200


def test_wrong_links_are_limited_for_each_client_and_right_ones_are_not(reminder, clock):
    office = Client(REMOTE_ADDR="198.51.100.7")
    wrong = f"/renewal/{reminder.pk}.AAAAAAAAAAAAAAAAAAAAAA/"
    answers = [office.get(wrong).status_code for _ in range(WRONG_LINKS_A_MINUTE + 5)]

    assert answers == [404] * WRONG_LINKS_A_MINUTE + [429] * 5
    assert office.get(path_of(reminder)).status_code == 200
    assert Client(REMOTE_ADDR="203.0.113.9").get(wrong).status_code == 404
    clock.shift(60)
    assert office.get(wrong).status_code == 404


def test_right_links_do_not_use_up_the_limit(reminder, clock):
    office = Client(REMOTE_ADDR="198.51.100.7")
    for _ in range(WRONG_LINKS_A_MINUTE + 5):
        office.get(path_of(reminder))

    assert office.get("/renewal/1.AAAAAAAAAAAAAAAAAAAAAA/").status_code == 404


def test_client_cannot_name_another_address_for_itself(reminder, clock, settings):
    settings.CXCRM_TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    wrong = "/renewal/1.AAAAAAAAAAAAAAAAAAAAAA/"
    for octet in range(WRONG_LINKS_A_MINUTE):
        Client().get(wrong, headers={"x-forwarded-for": f"203.0.113.{octet}"})

    assert Client().get(wrong).status_code == 429


def test_link_of_an_older_key_opens_while_the_key_is_listed(reminder, settings):
    settings.CXCRM_LINK_KEYS = ["1:old"]
    path = path_of(reminder)

    settings.CXCRM_LINK_KEYS = ["2:new", "1:old"]
    assert Client().get(path).status_code == 200
    settings.CXCRM_LINK_KEYS = ["2:new"]
    assert Client().get(path).status_code == 404


# --- V13: hosts


def test_forged_host_is_refused(reminder):
    assert Client().get(path_of(reminder), headers={"host": "evil.example"}).status_code == 400


def test_forwarded_host_is_not_heard(reader):
    page = reader.client.get(path_of(reader.reminder), headers={"x-forwarded-host": "evil.example"})

    assert page.status_code == 200
    assert "evil.example" not in page.content.decode()


def test_every_link_in_our_mails_begins_with_the_configured_address(
    reminder, reader, settings, mailoutbox
):
    settings.CXCRM_BASE_URL = "https://crm.example.com"
    settings.CXCRM_QUIET_HOURS = ""
    settings.ALLOWED_HOSTS = ["*"]
    reader.client.defaults |= {"HTTP_HOST": "evil.example", "HTTP_X_FORWARDED_HOST": "evil.example"}
    reader.ask_for_code()
    reader.cancel(newest_digits(reminder))
    deliver_mails(at=READ_AT)

    assert len(mailoutbox) == 1  # a contract that is cancelled needs no reminder, its code no mail
    mailoutbox.clear()
    other = remind()
    Reader(other, reader.clock, reader.client).ask_for_code()
    deliver_mails(at=READ_AT)
    texts = [text for mail in mailoutbox for text in (mail.body, mail.alternatives[0].content)]
    found = {link for text in texts for link in re.findall(r"https?://[^\s\"<>]+", text)}
    ours = {link for link in found if not link.startswith(other.contract.brand.base_url)}
    assert len(mailoutbox) == 2
    assert ours == {f"https://crm.example.com{path_of(other)}"}
