"""Keys of integrations: what they open, for how long, and from where."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client

from cxcrm.api.models import ApiKey, KeyUse
from cxcrm.api.services import (
    BrandsMissing,
    ExpiryPassed,
    KeyIsOver,
    NetworkInvalid,
    PrefixTaken,
    change_key,
    forget_old,
    make_key,
    revoke_key,
    rotate_key,
)
from cxcrm.base.models import KeptAnswer, LimitCount
from cxcrm.users.models import User
from cxcrm.users.services import create_machine
from tests.factories import NOW, BrandFactory, UserFactory

pytestmark = pytest.mark.django_db

A_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def new_key(**details):
    given = {"name": "billing", "scopes": ["customers:read"], "brand_ids": None}
    return make_key(**(given | details), at=NOW, actor=None)


def ask(text: str, *, address: str = "192.0.2.7"):
    return Client(REMOTE_ADDR=address).get(
        "/api/v1/accounts/", headers={"Authorization": f"Bearer {text}"}
    )


def code(response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def kept_in_database() -> str:
    return " ".join(
        str(list(model.objects.values_list()))
        for model in (ApiKey, ApiKey.pgh_event_model, KeyUse, KeptAnswer, LimitCount, User)
    )


def test_key_opens_the_api_and_nothing_of_its_secret_is_kept(caplog):
    new = new_key()
    secret = new.text.split("_", 2)[2]

    assert ask(new.text).status_code == 200
    assert ask(new.text[:-1] + "A").status_code == 401

    assert secret not in kept_in_database()
    assert secret not in caplog.text
    assert secret not in repr(new)


def test_revoked_key_is_dead_on_the_next_request():
    new = new_key()
    assert ask(new.text).status_code == 200

    revoke_key(key_id=new.key.pk, at=NOW)

    assert code(ask(new.text)) == (401, "key_invalid")


def test_key_lives_until_its_last_moment(clock):
    new = new_key(expires_at=NOW + A_DAY)

    clock.move_to(NOW + A_DAY - timedelta(seconds=1))
    assert ask(new.text).status_code == 200
    clock.move_to(NOW + A_DAY)
    assert code(ask(new.text)) == (401, "key_invalid")


@pytest.mark.parametrize("overlap", [timedelta(0), A_DAY])
def test_replaced_key_is_good_for_as_long_as_was_said(clock, overlap):
    brand = BrandFactory()
    old = new_key(brand_ids=[brand.pk], networks=["192.0.2.0/24"], requests_per_minute=7)

    new = rotate_key(key_id=old.key.pk, overlap=overlap, at=NOW, actor=None)

    assert ask(old.text).status_code == (200 if overlap else 401)
    assert ask(new.text).status_code == 200
    clock.move_to(NOW + overlap)
    assert ask(old.text).status_code == 401
    assert ask(new.text).status_code == 200
    assert new.key.user == old.key.user
    assert (list(new.key.brands.all()), new.key.networks) == ([brand], ["192.0.2.0/24"])
    assert (new.key.requests_per_minute, new.key.expires_at) == (7, None)


def test_new_key_lives_as_long_as_the_old_one_was_made_for(clock):
    old = new_key(expires_at=NOW + 365 * A_DAY)
    later = NOW + 360 * A_DAY
    clock.move_to(later)

    new = rotate_key(key_id=old.key.pk, overlap=A_DAY, at=later, actor=None)

    assert new.key.expires_at == later + 365 * A_DAY
    old.key.refresh_from_db()
    assert old.key.expires_at == later + A_DAY


def test_replacing_never_prolongs_a_key():
    old = new_key(expires_at=NOW + A_DAY)

    rotate_key(key_id=old.key.pk, overlap=7 * A_DAY, at=NOW, actor=None)

    old.key.refresh_from_db()
    assert old.key.expires_at == NOW + A_DAY


def test_what_is_over_is_neither_replaced_nor_revoked():
    replaced, revoked = new_key().key.pk, new_key().key.pk
    rotate_key(key_id=replaced, overlap=A_DAY, at=NOW, actor=None)
    revoke_key(key_id=revoked, at=NOW)

    for key_id in (replaced, revoked):
        with pytest.raises(KeyIsOver):
            rotate_key(key_id=key_id, overlap=A_DAY, at=NOW, actor=None)
    with pytest.raises(KeyIsOver):
        revoke_key(key_id=revoked, at=NOW)


def test_expired_key_is_revoked_and_cannot_be_prolonged_then():
    key = new_key(expires_at=NOW + A_DAY).key

    revoke_key(key_id=key.pk, at=NOW + 2 * A_DAY)

    with pytest.raises(KeyIsOver):
        change(key, expires_at=NOW + 3 * A_DAY)


def test_whoever_may_write_may_read_what_is_written_and_nothing_else():
    text = new_key(scopes=["customers:write"]).text
    headers = {"Authorization": f"Bearer {text}"}

    assert ask(text).status_code == 200
    assert Client().get("/api/v1/products/", headers=headers).status_code == 403
    assert Client().post("/api/v1/accounts/bulk/", headers=headers).status_code == 403
    other = new_key(scopes=["customers:import", "products:write"])
    assert ask(other.text).status_code == 403


def test_prefix_that_is_taken_is_told(clock):
    first = new_key(prefix="aaaaaaaaaa")

    with pytest.raises(PrefixTaken):
        new_key(prefix="aaaaaaaaaa")

    assert ask(first.text).status_code == 200
    assert User.objects.filter(api_keys=None, is_machine=True).count() == 0


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("192.0.2.7", 200),
        ("::ffff:192.0.2.7", 200),
        ("::ffff:192.0.3.7", 403),
        ("2001:db8::9", 200),
        ("192.0.3.7", 403),
        ("2001:db9::1", 403),
    ],
)
def test_key_comes_from_its_networks_alone(address, status):
    new = new_key(networks=["192.0.2.0/24", "2001:db8::/32"])

    assert ask(new.text, address=address).status_code == status


def test_key_of_networks_is_refused_where_the_server_names_no_client():
    assert code(ask(new_key(networks=["192.0.2.0/24"]).text, address="")) == (
        403,
        "address_not_allowed",
    )
    assert ask(new_key().text, address="").status_code == 200


def test_network_is_kept_in_its_one_spelling_and_nonsense_refused():
    assert new_key(networks=["192.0.2.7/24", "192.0.2.8"]).key.networks == [
        "192.0.2.0/24",
        "192.0.2.8/32",
    ]
    with pytest.raises(NetworkInvalid):
        new_key(networks=["192.0.2.256"])


def test_key_that_would_see_nothing_or_be_dead_is_refused():
    with pytest.raises(BrandsMissing):
        new_key(brand_ids=[])
    with pytest.raises(ExpiryPassed):
        new_key(expires_at=NOW)


def change(key: ApiKey, **details):
    given = {
        "name": key.name,
        "scopes": key.scopes,
        "brand_ids": None,
        "networks": [],
        "requests_per_minute": key.requests_per_minute,
        "expires_at": key.expires_at,
    }
    change_key(key_id=key.pk, **(given | details), at=NOW)


def test_change_holds_from_the_next_request_on():
    new = new_key()
    change(new.key, scopes=["tasks:read"], name="Billing, new")

    assert code(ask(new.text)) == (403, "permission_denied")
    # What it did, and does from now on, stands under the new name.
    assert str(User.objects.get(pk=new.key.user_id)) == "Billing, new (integration)"


def test_expired_key_may_be_prolonged_but_no_replaced_one(clock):
    new = new_key(expires_at=NOW + A_DAY)
    clock.move_to(NOW + 2 * A_DAY)
    assert ask(new.text).status_code == 401

    change(new.key, expires_at=NOW + 3 * A_DAY)
    assert ask(new.text).status_code == 200

    change(new.key, expires_at=None)
    rotate_key(key_id=new.key.pk, overlap=A_DAY, at=NOW, actor=None)
    with pytest.raises(KeyIsOver):
        change(new.key)


def test_use_is_counted_by_the_hour_and_noted_on_the_key(clock):
    new = new_key()
    ask(new.text)
    ask(new.text)
    Client().post("/api/v1/accounts/", headers={"Authorization": f"Bearer {new.text}"})
    clock.move_to(NOW + timedelta(hours=1))
    ask(new.text, address="192.0.2.8")

    assert list(
        KeyUse.objects.order_by("hour").values_list("hour", "reads", "writes", "refused")
    ) == [(NOW, 2, 0, 1), (NOW + timedelta(hours=1), 1, 0, 0)]
    new.key.refresh_from_db()
    assert (new.key.last_used_at, new.key.last_used_from) == (
        NOW + timedelta(hours=1),
        "192.0.2.8",
    )


def test_what_nobody_asks_for_any_more_is_forgotten():
    key = new_key().key
    old, young = NOW - timedelta(days=401), NOW - timedelta(hours=1)
    for at in (old, young):
        KeyUse.objects.create(key=key, hour=at)
        LimitCount.objects.create(bucket="key", window_at=at, count=1)
        KeptAnswer.objects.create(
            credential="key",
            idempotency_key=str(at),
            fingerprint="",
            status=201,
            body=b"{}",
            created_at=at,
        )

    assert forget_old(at=NOW) == {"answers": 1, "counts": 1, "uses": 1}
    assert KeyUse.objects.get().hour == young
    assert LimitCount.objects.get().window_at == young
    assert KeptAnswer.objects.get().created_at == young


def test_nobody_signs_in_as_a_machine(client):
    machine = create_machine(name="Billing")

    for password in ("", machine.password, "None"):
        client.post("/account/login/", {"login": machine.email, "password": password})
        assert client.get("/desk/").status_code == 302
    for refused in ({"password": UserFactory().password}, {"is_staff": True}):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.filter(pk=machine.pk).update(**refused)
    assert machine not in User.objects.staff()
