from datetime import timedelta

import pytest

from cxcrm.outbox.enums import LegalBasis, MailClass, ObjectionSource
from cxcrm.outbox.models import MailAddress, MailPermission
from cxcrm.outbox.services import (
    MailAddressRefused,
    PermissionGrant,
    grant_permissions,
    mark_bounced,
    object_to,
    remember_addresses,
    revive_address,
)
from tests.outbox.letters import NOW

pytestmark = pytest.mark.django_db


def permissions() -> list[tuple]:
    return list(
        MailPermission.objects.order_by("mail_class").values_list(
            "mail_class", "basis", "source", "granted_at", "objected_at"
        )
    )


@pytest.fixture
def address_id() -> int:
    return remember_addresses(addresses=["a@example.com"])["a@example.com"]


def test_remember_addresses_knows_an_address_once_however_it_is_written():
    first = remember_addresses(addresses=["Ada@Example.com", " ada@example.com "])
    second = remember_addresses(addresses=["ada@example.com", "b@example.com"])

    assert set(first.values()) == {second["ada@example.com"]}
    assert sorted(MailAddress.objects.values_list("address", flat=True)) == [
        "ada@example.com",
        "b@example.com",
    ]
    assert remember_addresses(addresses=[]) == {}


@pytest.mark.parametrize("bad", ["", "nobody", "a b@c", "a@b@c", "a@b\n", "@", "x" * 250 + "@b.de"])
def test_remember_addresses_refuses_what_is_none_and_adds_nothing(bad):
    with pytest.raises(MailAddressRefused) as refusal:
        remember_addresses(addresses=["a@example.com", bad])

    assert refusal.value.field == "address"
    assert not MailAddress.objects.exists()


def grant(address_id, source="feed", granted_at=None):
    return PermissionGrant(
        address_id=address_id,
        mail_class=MailClass.SURVEY,
        basis=LegalBasis.CONSENT,
        source=source,
        granted_at=granted_at,
    )


def test_grant_permissions_writes_only_what_is_new(address_id):
    assert grant_permissions(grants=[grant(address_id)], at=NOW) == 1
    assert grant_permissions(grants=[grant(address_id)], at=NOW) == 0
    assert permissions() == [("survey", "consent", "feed", NOW, None)]


def test_grant_permissions_takes_the_latest_of_a_batch(address_id):
    older = grant(address_id, "older", NOW - timedelta(days=2))
    newer = grant(address_id, "newer", NOW - timedelta(days=1))

    assert grant_permissions(grants=[newer, older], at=NOW) == 1

    assert permissions() == [("survey", "consent", "newer", NOW - timedelta(days=1), None)]


def test_objection_outlives_every_grant(address_id):
    grant_permissions(grants=[grant(address_id)], at=NOW)
    object_to(
        address_id=address_id,
        mail_class=MailClass.SURVEY,
        via=ObjectionSource.PHONE,
        at=NOW + timedelta(days=1),
    )
    object_to(
        address_id=address_id,
        mail_class=MailClass.SURVEY,
        via=ObjectionSource.PHONE,
        at=NOW + timedelta(days=2),
    )
    grant_permissions(grants=[grant(address_id, "again")], at=NOW + timedelta(days=3))

    assert permissions() == [
        ("survey", "consent", "again", NOW + timedelta(days=3), NOW + timedelta(days=1))
    ]


def test_objection_counts_where_nothing_was_allowed(address_id):
    object_to(
        address_id=address_id, mail_class=MailClass.NEWSLETTER, via=ObjectionSource.PHONE, at=NOW
    )

    assert permissions() == [("newsletter", "", "", None, NOW)]


def test_bounced_address_keeps_its_first_reason_until_it_is_revived(address_id):
    mark_bounced(address_id=address_id, reason="550 5.1.1", at=NOW)
    mark_bounced(address_id=address_id, reason="551", at=NOW + timedelta(days=1))
    address = MailAddress.objects.get()
    assert (address.bounced_at, address.bounce_reason) == (NOW, "550 5.1.1")

    revive_address(address_id=address_id)
    address = MailAddress.objects.get()
    assert (address.bounced_at, address.bounce_reason) == (None, "")
