"""Keys at the desk: what administrators see of them, and that their text is seen once."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse

from cxcrm.api.models import ApiKey
from cxcrm.api.services import make_key
from cxcrm.users.enums import Role
from tests.factories import NOW, BrandFactory, UserFactory

TEXT = re.compile(r"cx_[0-9a-z]{10}_[0-9A-Za-z_-]{43}")
LIST, ADD = "/desk/api/apikey/", "/desk/api/apikey/add/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_ten_on_the_first_of_june():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def administrator():
    client = Client()
    client.user = UserFactory(role=Role.ADMINISTRATOR, name="Rowan")
    client.force_login(client.user)
    return client


@pytest.fixture
def brand():
    return BrandFactory(code="web", name="Web")


def filled_in(client: Client, **details) -> dict:
    form = client.get(ADD).context["adminform"].form
    return {
        "begins_with": form["begins_with"].value(),
        "name": "Billing",
        "scopes": ["customers:read", "contracts:write"],
        "covers_all_brands": "on",
        "networks": "",
        "requests_per_minute": "600",
        "expires_at": "2027-06-01T10:00",
    } | details


def key_of(**details):
    given = {"name": "Billing", "scopes": ["customers:read"], "brand_ids": None}
    return make_key(**(given | details), at=NOW, actor=None)


def page_of(key: ApiKey) -> str:
    return reverse("admin:api_apikey_change", args=[key.pk])


def do(client: Client, deed: str, key: ApiKey, **details):
    return client.post(
        reverse(f"admin:api_apikey_{deed}", args=[key.pk]), {"_form_submitted": "on"} | details
    )


def opens(text: str) -> bool:
    answer = Client().get("/api/v1/accounts/", headers={"Authorization": f"Bearer {text}"})
    return answer.status_code == 200


def test_new_key_is_shown_once_and_works(administrator, brand, caplog):
    given = filled_in(
        administrator, brands=[brand.pk], covers_all_brands="", networks="192.0.2.0/24\n127.0.0.1"
    )
    made = administrator.post(ADD, given)
    [text] = set(TEXT.findall(made.content.decode()))

    assert made.status_code == 200
    assert "no-store" in made["Cache-Control"]
    assert f'curl -H "Authorization: Bearer {text}" "http' in made.text
    assert opens(text)
    key = ApiKey.objects.get()
    assert (key.created_by, key.user.is_machine) == (administrator.user, True)
    assert (key.scopes, list(key.brands.all())) == (["contracts:write", "customers:read"], [brand])
    assert key.networks == ["192.0.2.0/24", "127.0.0.1/32"]
    for path in (page_of(key), LIST, f"{LIST}?q={key.prefix}", f"{LIST}export/csv/"):
        assert TEXT.findall(administrator.get(path).getvalue().decode()) == []
    secret = text.split("_", 2)[2]
    assert secret not in caplog.text
    assert secret not in str([session.get_decoded() for session in Session.objects.all()])
    assert secret not in str(list(ApiKey.objects.values_list()))


def test_form_that_is_sent_again_makes_no_second_key(administrator):
    given = filled_in(administrator)
    administrator.post(ADD, given)

    again = administrator.post(ADD, given)

    assert (again.status_code, again.url) == (302, page_of(ApiKey.objects.get()))
    assert TEXT.findall(administrator.get(again.url).content.decode()) == []


@pytest.mark.django_db(transaction=True)
def test_form_that_is_sent_twice_at_once_makes_one_key(administrator):
    given = filled_in(administrator)

    def send():
        client = Client(raise_request_exception=False)
        client.force_login(administrator.user)
        try:
            return client.post(ADD, given)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _number: send(), range(4)))

    page = page_of(ApiKey.objects.get())
    assert sorted(answer.status_code for answer in answers) == [200, 302, 302, 302]
    assert {answer.url for answer in answers if answer.status_code == 302} == {page}
    assert len({text for answer in answers for text in TEXT.findall(answer.text)}) == 1


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"covers_all_brands": ""}, "brands"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["tasks:import"]}, "scopes"),
        ({"networks": "192.0.2.999"}, "networks"),
        ({"requests_per_minute": "0"}, "requests_per_minute"),
        ({"expires_at": "2026-05-31T10:00"}, "expires_at"),
        ({"begins_with": "x"}, "begins_with"),
    ],
)
def test_form_names_what_does_not_fit(administrator, details, field):
    answer = administrator.post(ADD, filled_in(administrator) | details)

    assert list(answer.context["adminform"].form.errors) == [field]
    assert not ApiKey.objects.exists()


@pytest.mark.django_db(transaction=True)  # what is new by then is told by its time
def test_change_holds_at_once_and_the_page_says_who_did_what(administrator, brand):
    new = key_of()
    given = filled_in(administrator, scopes=["tasks:read"], brands=[brand.pk], covers_all_brands="")

    assert administrator.post(page_of(new.key), given).status_code == 302

    assert not opens(new.text)
    shown = administrator.get(page_of(new.key))
    changes = shown.context["changes"]
    assert {change.by for change in changes} == {administrator.user}
    assert {(change.field, change.before, change.after) for change in changes} == {
        ("scopes", "customers:read", "tasks:read"),
        ("all brands", "True", "False"),
        ("brands", "–", "Web"),
        ("valid until", "–", "June 1, 2027, 10 a.m."),
    }


def test_replacing_shows_the_new_text_once(administrator):
    old = key_of()

    answer = do(administrator, "replace", old.key, overlap="7")

    [text] = set(TEXT.findall(answer.content.decode()))
    assert opens(text)
    assert opens(old.text)
    old.key.refresh_from_db()
    assert old.key.expires_at == NOW + timedelta(days=7)
    shown = administrator.get(page_of(old.key.replaced_by))
    assert TEXT.findall(shown.content.decode()) == []
    assert str(old.key) in shown.content.decode()
    again = do(administrator, "replace", old.key, overlap="0")
    assert "This key has been replaced already." in again.content.decode()


def test_revoked_key_is_dead_and_cannot_be_changed(administrator):
    new = key_of()

    assert do(administrator, "revoke", new.key).status_code == 302

    assert not opens(new.text)
    shown = administrator.get(page_of(new.key))
    [change] = shown.context["changes"]
    assert (change.by, change.field, change.before) == (administrator.user, "revoked", "–")
    assert administrator.post(page_of(new.key), filled_in(administrator)).status_code == 403


def test_expired_key_is_revoked_but_not_replaced(administrator):
    key = key_of(expires_at=NOW + timedelta(seconds=1)).key
    ApiKey.objects.filter(pk=key.pk).update(expires_at=NOW)
    offered = administrator.get(page_of(key)).content.decode()

    assert reverse("admin:api_apikey_revoke", args=[key.pk]) in offered
    assert reverse("admin:api_apikey_replace", args=[key.pk]) not in offered
    assert do(administrator, "revoke", key).status_code == 302
    key.refresh_from_db()
    assert key.revoked_at == NOW


@pytest.mark.parametrize("deed", ["replace", "revoke"])
@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_nobody_else_replaces_or_revokes(role, deed):
    new = key_of()
    client = Client()
    client.force_login(UserFactory(role=role))

    assert do(client, deed, new.key, overlap="0").status_code == 403
    assert opens(new.text)


def test_list_has_views_a_filter_of_brands_and_a_search(administrator, brand):
    everywhere = key_of(name="Everywhere").key
    web = key_of(name="Web shop", brand_ids=[brand.pk]).key
    other = key_of(name="Other", brand_ids=[BrandFactory().pk]).key
    expired = key_of(name="Expired", expires_at=NOW + timedelta(seconds=1)).key
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=NOW)
    revoked = key_of(name="Revoked").key
    do(administrator, "revoke", revoked)

    def listed(**query) -> list[ApiKey]:
        return list(administrator.get(LIST, query).context["cl"].result_list)

    assert listed() == [other, web, everywhere]
    assert listed(show="expired") == [expired]
    assert listed(show="revoked") == [revoked]
    assert listed(show="all") == [revoked, expired, other, web, everywhere]
    assert listed(brand="web") == [web, everywhere]
    assert listed(q="shop") == [web]
    assert listed(q=f"cx_{other.prefix}_") == [other]


def test_page_counts_the_requests_of_each_day(administrator):
    new = key_of()
    opens(new.text)
    opens(new.text)
    Client().post("/api/v1/accounts/", headers={"Authorization": f"Bearer {new.text}"})

    shown = administrator.get(page_of(new.key))

    today, *before = shown.context["days"]
    assert (today.day, today.reads, today.writes, today.refused) == (NOW.date(), 2, 0, 1)
    assert len(before) == 29
    assert sum(day.requests for day in before) == 0


def test_machine_is_no_user_of_the_desk(administrator):
    machine = key_of().key.user
    users = reverse("admin:users_user_changelist")

    assert machine not in administrator.get(users).context["cl"].result_list
    for name in ("users_user_change", "auth_user_password_change"):
        page = reverse(f"admin:{name}", args=[machine.pk])
        assert administrator.get(page).status_code in {302, 404}
