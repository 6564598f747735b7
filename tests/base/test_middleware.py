from ipaddress import ip_network

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from cxcrm.base.framing import shown_in_frame
from cxcrm.base.middleware import (
    BrowserProtectionMiddleware,
    ClientAddressMiddleware,
    RequestLogMiddleware,
)
from tests.factories import UserFactory

PROXY, CLIENT = "10.0.0.1", "198.51.100.7"


def seen(**meta):
    """The address and the scheme that the views see of a request."""
    request = RequestFactory().get("/", **meta)
    ClientAddressMiddleware(lambda request: HttpResponse())(request)
    return request.META["REMOTE_ADDR"], request.META.get("HTTP_X_FORWARDED_PROTO")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        (CLIENT, "", CLIENT),
        (CLIENT, "1.2.3.4", CLIENT),
        (PROXY, CLIENT, CLIENT),
        (PROXY, f"1.2.3.4, {CLIENT}", CLIENT),
        (PROXY, f"1.2.3.4, {CLIENT}, 10.0.0.2", CLIENT),
        (PROXY, "2001:db8::7", "2001:db8::7"),
        (PROXY, "", PROXY),
        (f"::ffff:{CLIENT}", "1.2.3.4", CLIENT),
        (f"::ffff:{PROXY}", f"::ffff:{CLIENT}", CLIENT),
        (PROXY, f"1.2.3.4, {CLIENT}, ::ffff:10.0.0.2", CLIENT),
        (PROXY, "garbage", PROXY),
        (PROXY, "1.2.3.4, garbage, 10.0.0.2", "10.0.0.2"),
    ],
)
def test_client_address_is_what_trusted_proxies_say(settings, peer, forwarded, address):
    settings.CXCRM_TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]

    assert seen(REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)[0] == address


def test_client_address_believes_nobody_by_default():
    address = seen(
        REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="1.2.3.4", HTTP_X_FORWARDED_PROTO="https"
    )

    assert address == ("127.0.0.1", None)


def test_scheme_is_what_trusted_proxies_say(settings):
    settings.CXCRM_TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]

    assert seen(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_PROTO="https")[1] == "https"
    assert seen(REMOTE_ADDR=CLIENT, HTTP_X_FORWARDED_PROTO="https")[1] is None


def test_host_that_is_not_served_is_refused_and_forwarded_hosts_are_ignored(client):
    assert client.get("/account/login/", headers={"host": "evil.example"}).status_code == 400
    page = client.get("/account/login/", headers={"x-forwarded-host": "evil.example"})
    assert "evil.example" not in page.content.decode()


def directives(response):
    policy = response["Content-Security-Policy"]
    return {
        name: sources for name, _, sources in (part.partition(" ") for part in policy.split("; "))
    }


def test_browser_protection_is_strict_on_our_own_pages(client):
    response = client.get("/account/login/")

    assert directives(response) == {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]


@pytest.mark.django_db
def test_browser_protection_is_relaxed_for_the_desk_alone(client):
    client.force_login(UserFactory(role="agent"))

    policy = directives(client.get("/desk/"))

    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert policy["style-src"] == "'self' 'unsafe-inline'"
    assert policy["frame-ancestors"] == "'none'"


def test_browser_protection_lets_our_pages_frame_a_mail_that_can_do_nothing():
    request = RequestFactory().get("/desk/outbox/outgoingmail/1/preview/")
    view = shown_in_frame(lambda request: HttpResponse("<script>alert(1)</script>"))

    response = BrowserProtectionMiddleware(view)(request)

    assert directives(response) == {
        "default-src": "'none'",
        "img-src": "'self' data:",
        "style-src": "'unsafe-inline'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'self'",
    }
    assert response["X-Frame-Options"] == "SAMEORIGIN"


def test_cookies_are_out_of_reach_of_scripts(client):
    client.get("/account/login/")

    assert {name: cookie["httponly"] for name, cookie in client.cookies.items()} == {
        "csrftoken": True
    }


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/desk/accounts/account/7/change/", "GET /desk/accounts/account/7/change/"),
        ("/desk/?q=ada@x.example", "GET /desk/"),
        ("/answer/42.q8Zk3JmX0bTnV5rLw2Yc7A/", "GET /answer/42.…/"),
    ],
)
def test_request_log_leaves_out_what_may_be_a_key(path, logged):
    assert RequestLogMiddleware.format_request(RequestFactory().get(path)) == logged


def test_each_answer_carries_a_request_id_of_its_own():
    found = {
        Client().get("/health/live", headers={"x-request-id": "mine"})["X-Request-ID"] for _ in "ab"
    }

    assert len(found) == 2
    assert "mine" not in found


@pytest.mark.parametrize("address", ["/account/login/?next=%00", "/account/%00/"])
@pytest.mark.django_db
def test_address_with_a_nul_character_is_a_bad_request(client, address):
    assert client.get(address).status_code == 400
