import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import path

from cxcrm.urls import *  # noqa: F403 - the real routes and handlers, and one that fails
from cxcrm.urls import urlpatterns as real_patterns
from tests.factories import UserFactory


def fails(request):
    raise RuntimeError("a bug")


fails.login_required = False
urlpatterns = [path("fails/", fails), *real_patterns]


@pytest.fixture
def visitor():
    return Client(raise_request_exception=False)


def test_page_answers_503_and_when_to_come_back_while_the_database_is_away(
    visitor, transactional_db, request
):
    visitor.force_login(UserFactory(role="agent"))
    assert SESSION_KEY in visitor.session
    request.getfixturevalue("database_away")

    for page in ("/desk/", "/desk/accounts/account/", "/account/login/", "/account/password/"):
        response = visitor.get(page)
        assert (page, response.status_code, response.get("Retry-After")) == (page, 503, "10")
        assert "We will be back in a moment" in response.content.decode()


def test_page_that_needs_no_database_is_served_while_it_is_away(database_away):
    assert Client().get("/account/login/").status_code == 200


@pytest.mark.urls("tests.base.test_server_error")
def test_page_with_a_bug_answers_500_and_shows_nothing_of_it(visitor):
    response = visitor.get("/fails/")

    assert response.status_code == 500
    assert "Retry-After" not in response
    assert "Something went wrong on our side" in response.content.decode()
    assert "a bug" not in response.content.decode()


def test_missing_page_is_a_calm_404(client):
    response = client.get("/no/such/page/")

    assert response.status_code == 404
    assert "There is no such page" in response.content.decode()


def test_expired_form_is_told_in_words():
    response = Client(enforce_csrf_checks=True).post("/account/login/", {})

    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()
