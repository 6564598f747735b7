import html
import re
from datetime import date
from random import Random

import pytest
from django.contrib.auth import get_user

from cxcrm.api.models import ApiKey
from cxcrm.base import clock
from cxcrm.demo.catalogue import AGENTS, STAFF
from cxcrm.demo.integration import let_in_billing, shown_key
from cxcrm.demo.models import DayReached
from cxcrm.users.services import create_staff

pytestmark = pytest.mark.django_db

PAGES = ["/mailbox/", "/mailbox/some-key/", "/mailbox/some-key/html/"]
DEEDS = ["/demo/enter/", "/demo/play/"]


@pytest.fixture
def agent():
    name, role = STAFF[AGENTS[0]]
    return create_staff(email=AGENTS[0], name=name, role=role)


def test_landing_explains_and_offers_to_enter_in_a_demo(demo, client):
    DayReached.objects.create(day=date(2026, 6, 15))

    page = client.get("/").content.decode()

    assert "Demo: fictional company, fictional people" in page
    assert page.count('name="role"') == 4
    assert "run_due --as-of 2026-06-22" in page


def test_landing_shows_a_key_that_opens_the_api(demo, client):
    DayReached.objects.create(day=date(2026, 6, 15))
    assert "curl" not in client.get("/").content.decode()
    let_in_billing(Random(7), at=clock.now())

    page = html.unescape(client.get("/").content.decode())
    [(key, path)] = re.findall(
        r'curl -H "Authorization: Bearer (.*?)" "http://testserver(.*?)"', page
    )

    assert client.get(path, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    used = ApiKey.objects.get()
    assert (used.name, used.uses.count() > 20) == ("Billing system", True)


def test_landing_shows_no_key_outside_a_demo(demo, client, settings):
    let_in_billing(Random(7), at=clock.now())
    settings.CXCRM_DEMO = False

    assert shown_key(at=clock.now()) == ""


def test_landing_names_the_command_where_no_company_is_loaded(demo, client):
    page = client.get("/").content.decode()

    assert "manage.py load_demo" in page
    assert 'name="role"' not in page


def test_landing_leads_to_the_desk_outside_a_demo(client):
    response = client.get("/")

    assert (response.status_code, response.url) == (302, "/desk/")


def test_entering_signs_in_with_one_click(demo, client, agent):
    client.get("/demo/enter/")
    assert not get_user(client).is_authenticated

    response = client.post("/demo/enter/", {"role": "agent"})

    assert (response.status_code, response.url) == (302, "/desk/")
    assert get_user(client) == agent


def test_entering_starts_a_new_session(demo, client, agent):
    client.post("/demo/play/")
    before = client.session.session_key

    client.post("/demo/enter/", {"role": "agent"})

    assert client.session.session_key != before


@pytest.mark.parametrize("role", ["executive", "", "agent@demo.invalid"])
def test_entering_knows_its_roles_only(demo, client, agent, role):
    assert client.post("/demo/enter/", {"role": role}).status_code == 404
    assert not get_user(client).is_authenticated


def test_entering_needs_the_form_of_the_page(demo, agent, client):
    client.handler.enforce_csrf_checks = True

    assert client.post("/demo/enter/", {"role": "agent"}).status_code == 403
    assert not get_user(client).is_authenticated


def test_entering_refuses_a_login_that_is_switched_off(demo, client, agent):
    agent.is_active = False
    agent.save()

    assert client.post("/demo/enter/", {"role": "agent"}).status_code == 404


def test_playing_shows_what_happened(demo, client):
    DayReached.objects.create(day=date(2099, 6, 15))

    page = client.post("/demo/play/", follow=True).content.decode()

    assert DayReached.objects.get().day == date(2099, 6, 22)
    assert "Tue, 16 June" in page
    assert "Mon, 22 June" in page


@pytest.mark.parametrize("path", DEEDS)
def test_deeds_of_the_demo_are_no_pages(demo, client, agent, path):
    assert client.get(path).status_code == 405
    assert not DayReached.objects.exists()


@pytest.mark.parametrize("path", PAGES)
def test_pages_of_the_demo_are_no_deeds(demo, client, path):
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("path", [*PAGES, *DEEDS])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_of_the_demo_is_there_outside_a_demo(client, agent, mailbox, method, path):
    response = getattr(client, method)(path, {"role": "agent"})

    assert response.status_code == 404
    assert not get_user(client).is_authenticated
    assert not DayReached.objects.exists()
