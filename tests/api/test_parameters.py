"""Values of filters are written in one way; any other is refused by the name of the parameter."""

import pytest

from tests.api.answers import error, ids
from tests.factories import AccountFactory, ContactFactory

pytestmark = pytest.mark.django_db

REFUSED = [
    ("contacts/", "account", "1_0"),
    ("contacts/", "account", "١"),
    ("contacts/", "account", "+1"),
    ("contacts/", "account", "1.0"),
    ("contacts/", "account", "9" * 19),
    ("contacts/", "account", "0"),
    ("accounts/", "created_after", "2026-W01-1"),
    ("accounts/", "created_after", "2026-06-01"),
    ("accounts/", "created_after", "2026-06-01T10:00:00"),
    ("accounts/", "created_after", "2026-06-01T25:00:00Z"),
    ("accounts/", "created_after", "1899-12-31T00:00:00Z"),
    ("accounts/", "created_before", "2200-01-01T00:00:00Z"),
    ("accounts/", "created_before", "9999-12-31T23:59:59.999999-23:59"),
    ("timeline/", "occurred_after", "0001-01-01T00:00:00+23:59"),
    ("timeline/", "occurred_after", "٢٠٢٦-06-01T10:00:00Z"),
    ("tasks/", "due_before", "2026-6-1"),
    ("tasks/", "due_before", "٢٠٢٦-06-01"),
]


@pytest.fixture
def api(make_api_client):
    return make_api_client("customers:read", "tasks:read")


@pytest.mark.parametrize(("path", "name", "value"), REFUSED)
def test_other_spellings_are_refused(api, path, name, value):
    assert error(api.get(path, **{name: value})) == (400, "invalid_query", {name: "invalid"})


@pytest.mark.parametrize(
    "value", ["1900-01-01T00:00:00+23:59", "2026-06-01T10:00:00.5-14:00", "2026-06-01T10:00:00Z"]
)
def test_moments_are_read(api, value):
    account = AccountFactory()

    assert ids(api.get("accounts/", created_before="2199-12-31T23:59:59-23:59")) == [account.pk]
    assert api.get("accounts/", created_after=value).status_code == 200


def test_search_looks_among_what_the_other_filters_leave(api, monkeypatch):
    monkeypatch.setattr("accounts.querysets.customers.NAMES_FOUND", 1)
    first, second = (AccountFactory(name=f"Nordlicht {number}") for number in (1, 2))
    people = [ContactFactory(account=each, name="Merle Nord") for each in (first, second)]

    for account, person in zip((first, second), people, strict=True):
        brand = account.brand.code
        assert ids(api.get("accounts/", search="Nordlicht", brand=brand)) == [account.pk]
        assert ids(api.get("contacts/", search="Merle", account=account.pk)) == [person.pk]
