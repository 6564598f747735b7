import pytest
from django.core.cache import cache

from tests.factories import UserFactory
from tests.users import authenticator

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery staple"


def test_newcomer_sets_up_the_second_factor_and_enters_without_complaints(
    page, live_server, settings, complaints
):
    settings.CXCRM_REQUIRE_MFA = True
    cache.clear()
    user = UserFactory(role="administrator")

    page.goto(f"{live_server.url}/desk/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/reauthenticate/**")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    assert page.locator(".qr-code").evaluate("picture => picture.naturalWidth") > 0
    secret = page.get_by_label("Authenticator secret").input_value()
    page.get_by_label("Authenticator code").fill(authenticator.code(secret))
    page.get_by_role("button", name="Activate").click()
    assert len(page.get_by_label("Unused codes").input_value().split()) == 10
    page.get_by_role("link", name="Agent desk").click()
    page.wait_for_url("**/desk/")
    page.goto(f"{live_server.url}/desk/users/user/{user.pk}/change/")
    assert page.get_by_label("E-mail address").input_value() == user.email

    assert complaints == []
