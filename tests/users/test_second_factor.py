from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.test import Client

from cxcrm.users.services import forget_second_factor
from tests.factories import UserFactory
from tests.users import authenticator

PASSWORD = "correct horse battery staple"
SET_UP = "/account/second-factor/totp/activate/"
CODES = "/account/second-factor/recovery-codes/"
ENTER_CODE = "/account/second-factor/authenticate/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def at_ten(settings, time_machine, transactional_db):
    """A code is good for half a minute and for once, so a second sign-in needs another minute."""
    settings.CXCRM_REQUIRE_MFA = True
    time_machine.move_to("2026-06-01T10:00:00Z", tick=False)
    cache.clear()
    return time_machine


@pytest.fixture
def agent():
    return UserFactory(role="agent")


def sign_in(client, user):
    return client.post("/account/login/", {"login": user.email, "password": PASSWORD})


def set_up(client, user):
    """Sign in, say the password again, scan the secret; returns it with the recovery codes."""
    sign_in(client, user)
    client.post(f"/account/reauthenticate/?next={SET_UP}", {"password": PASSWORD})
    secret = client.get(SET_UP).context["form"].secret
    shown = client.post(SET_UP, {"code": authenticator.code(secret)}, follow=True)
    return secret, shown.context["unused_codes"]


def test_desk_sends_staff_without_a_second_factor_to_set_one_up(client, agent):
    sign_in(client, agent)

    for path in ("/desk/", "/desk/accounts/account/", "/desk/users/user/"):
        response = client.get(path)
        assert (response.status_code, response.url) == (302, SET_UP)


def test_second_factor_may_be_left_out_where_it_is_not_required(client, agent, settings):
    settings.CXCRM_REQUIRE_MFA = False
    sign_in(client, agent)

    assert client.get("/desk/").status_code == 200


def test_second_factor_is_set_up_after_the_password_was_said_again(client, agent):
    sign_in(client, agent)
    assert client.get(SET_UP).url.startswith("/account/reauthenticate/")

    _, recovery_codes = set_up(client, agent)

    assert len(recovery_codes) == 10
    assert client.get("/desk/").status_code == 200
    assert mail.outbox == []


def test_sign_in_asks_for_the_code(agent, at_ten):
    secret, _ = set_up(Client(), agent)
    at_ten.shift(timedelta(minutes=1))
    client = Client()

    assert sign_in(client, agent).url == ENTER_CODE
    assert client.get("/desk/").status_code == 302
    client.post(ENTER_CODE, {"code": "000000"})
    assert client.get("/desk/").status_code == 302
    client.post(ENTER_CODE, {"code": authenticator.code(secret)})
    assert client.get("/desk/").status_code == 200


def test_code_of_the_app_is_good_for_one_sign_in(agent, at_ten):
    secret, _ = set_up(Client(), agent)
    at_ten.shift(timedelta(minutes=1))
    entered = []
    for client in (Client(), Client()):
        sign_in(client, agent)
        client.post(ENTER_CODE, {"code": authenticator.code(secret)})
        entered.append(client.get("/desk/").status_code)

    assert entered == [200, 302]


def test_recovery_code_is_good_for_one_sign_in(agent):
    _, recovery_codes = set_up(Client(), agent)
    entered = []
    for client in (Client(), Client()):
        sign_in(client, agent)
        client.post(ENTER_CODE, {"code": recovery_codes[0]})
        entered.append(client.get("/desk/").status_code)

    assert entered == [200, 302]


def test_guesses_at_the_code_are_slowed(agent, at_ten):
    secret, _ = set_up(Client(), agent)
    at_ten.shift(timedelta(minutes=1))
    client = Client()
    sign_in(client, agent)
    for _ in range(31):
        client.post(ENTER_CODE, {"code": "000000"})

    client.post(ENTER_CODE, {"code": authenticator.code(secret)})

    assert client.get("/desk/").status_code == 302


def test_forgotten_second_factor_leads_to_setting_up_a_new_one(agent):
    set_up(Client(), agent)

    forget_second_factor(user=agent)

    client = Client()
    sign_in(client, agent)
    assert client.get("/desk/").url == SET_UP
    assert not Authenticator.objects.exists()
