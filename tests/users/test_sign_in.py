import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.core.cache import cache
from django.test import Client

from tests.factories import UserFactory

PASSWORD = "correct horse battery staple"
SIGN_IN = "/account/login/"
HOME, OFFICE = "198.51.100.7", "203.0.113.9"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_earlier_attempts(db):
    cache.clear()


def try_sign_in(email, password, *, address=HOME, **headers):
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post(SIGN_IN, {"login": email, "password": password})


def error_text(response):
    page = response.content.decode()
    return re.search(r'<ul class="errorlist nonfield"[^>]*>(.*?)</ul>', page, re.DOTALL)[1]


def test_sign_in_leads_staff_to_the_desk(client):
    user = UserFactory(role="agent")

    response = client.post(SIGN_IN, {"login": user.email.upper(), "password": PASSWORD})

    assert (response.status_code, response.url) == (302, "/desk/")
    assert client.get("/desk/").status_code == 200


def test_desk_sends_strangers_to_the_one_sign_in(client):
    assert client.get("/desk/accounts/account/", follow=True).redirect_chain[-1] == (
        "/account/login/?next=/desk/accounts/account/",
        302,
    )


def test_sign_in_of_a_customer_ends_at_a_refusal(client):
    user = UserFactory()
    client.post(SIGN_IN, {"login": user.email, "password": PASSWORD})

    response = client.get("/desk/", follow=True)

    assert response.status_code == 403
    assert "Sign in with another login" in response.content.decode()


def test_sign_in_says_the_same_to_known_and_unknown_addresses():
    known = try_sign_in(UserFactory().email, "wrong")
    unknown = try_sign_in("nobody@cxcrm.test", "wrong")

    assert (known.status_code, unknown.status_code) == (200, 200)
    assert error_text(known) == error_text(unknown)


def test_sign_in_refuses_the_fifth_failure_and_what_follows():
    user = UserFactory()

    statuses = [try_sign_in(user.email, "wrong").status_code for _ in range(7)]

    assert statuses == [200, 200, 200, 200, 429, 429, 429]
    refused = try_sign_in(user.email, PASSWORD)
    assert refused.status_code == 429
    assert refused["Retry-After"] == "900"
    assert "Too many tries" in refused.content.decode()


def test_sign_in_counts_spellings_of_an_address_as_one():
    user = UserFactory(email="ada@cxcrm.test")

    spellings = ["ada@cxcrm.test", "Ada@cxcrm.test", "ADA@cxcrm.test", " ada@cxcrm.test "]
    statuses = [try_sign_in(email, "wrong").status_code for email in [*spellings, user.email]]

    assert statuses[-1] == 429


def test_sign_in_of_a_locked_out_owner_works_from_another_address():
    user = UserFactory()
    for _ in range(5):
        try_sign_in(user.email, "wrong")

    assert try_sign_in(user.email, PASSWORD, address=OFFICE).status_code == 302


def test_sign_in_works_after_the_cool_off_though_tries_went_on(time_machine):
    user = UserFactory()
    time_machine.move_to("2026-06-01T10:00:00Z", tick=False)
    for _ in range(5):
        try_sign_in(user.email, "wrong")
    time_machine.shift(timedelta(minutes=14))
    assert try_sign_in(user.email, "wrong").status_code == 429

    time_machine.shift(timedelta(minutes=2))

    assert try_sign_in(user.email, PASSWORD).status_code == 302
    assert AccessAttempt.objects.count() == 0


def test_sign_in_ignores_forwarded_addresses_of_strangers():
    user = UserFactory()

    statuses = [
        try_sign_in(user.email, "wrong", x_forwarded_for=f"192.0.2.{n}").status_code
        for n in range(5)
    ]

    assert statuses[-1] == 429
    assert list(AccessAttempt.objects.values_list("ip_address", flat=True)) == [HOME]


def test_sign_in_slows_guesses_from_many_addresses_and_lets_the_owner_in_later(time_machine):
    user = UserFactory()
    time_machine.move_to("2026-06-01T10:00:00Z", tick=False)

    statuses = [
        try_sign_in(user.email, "wrong", address=f"192.0.2.{n // 2}").status_code for n in range(40)
    ]

    assert statuses == [200] * 30 + [429] * 10
    time_machine.shift(timedelta(minutes=11))
    assert try_sign_in(user.email, PASSWORD, address=OFFICE).status_code == 302


def test_sign_in_slows_one_address_that_guesses_at_many_logins(time_machine):
    time_machine.move_to("2026-06-01T10:00:00Z", tick=False)

    statuses = [try_sign_in(f"guess{n}@cxcrm.test", "wrong").status_code for n in range(52)]

    assert statuses == [200] * 50 + [429] * 2


def test_sign_in_leaves_no_address_in_the_record_of_what_was_sent():
    try_sign_in("nobody@cxcrm.test", "wrong-password")

    attempt = AccessAttempt.objects.get()
    assert "nobody@" not in attempt.post_data
    assert "wrong-password" not in attempt.post_data


def test_sign_in_accepts_no_address_elsewhere_to_go_to(client):
    user = UserFactory(role="agent")

    response = client.post(
        SIGN_IN, {"login": user.email, "password": PASSWORD, "next": "https://evil.example/"}
    )

    assert response.url == "/desk/"


def test_session_of_a_deactivated_user_is_dead_on_the_next_request(client):
    user = UserFactory(role="agent")
    client.force_login(user)
    assert client.get("/desk/").status_code == 200

    user.is_active = False
    user.save()

    assert client.get("/desk/").status_code == 302


def test_other_sessions_die_when_the_password_is_changed(client):
    user = UserFactory(role="agent")
    elsewhere = Client()
    for session in (client, elsewhere):
        session.post(SIGN_IN, {"login": user.email, "password": PASSWORD})

    response = client.post(
        "/account/password/",
        {"oldpassword": PASSWORD, "password1": "another-long-one", "password2": "another-long-one"},
    )

    assert response.status_code == 302
    assert client.get("/desk/").status_code == 200
    assert elsewhere.get("/desk/").status_code == 302


def test_desk_sends_password_change_and_sign_out_to_the_one_place(client):
    client.force_login(UserFactory(role="agent"))

    assert client.get("/desk/password_change/").url == "/account/password/"
    assert client.post("/desk/logout/").url == "/account/login/"
    assert client.get("/desk/").status_code == 302


@pytest.mark.parametrize(
    "path", ["signup/", "email/", "password/reset/", "confirm-email/", "login/code/"]
)
def test_routes_of_allauth_that_we_do_not_use_are_absent(client, path):
    client.force_login(UserFactory(role="agent"))
    assert client.get(f"/account/{path}").status_code == 404
