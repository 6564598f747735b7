from datetime import timedelta

import pytest

from cxcrm.outbox.enums import LegalBasis, MailClass, ObjectionSource
from cxcrm.outbox.models import MailAddress, MailPermission
from cxcrm.outbox.services import (
    ConsentRefused,
    MailAddressRefused,
    NoSuchObjection,
    PermissionGrant,
    grant_permissions,
    lift_objection,
    mark_bounced,
    object_to,
    object_to_all,
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

    revive_address(address_id=address_id, at=NOW + timedelta(days=2))
    address = MailAddress.objects.get()
    assert (address.bounced_at, address.bounce_reason) == (None, "")
    assert address.revived_at == NOW + timedelta(days=2)


def test_grant_leaves_a_newer_one_with_its_proof(address_id):
    grant_permissions(grants=[grant(address_id, "signed form 12", NOW)], at=NOW)

    older = grant(address_id, "nightly feed", NOW - timedelta(days=90))
    assert grant_permissions(grants=[older], at=NOW + timedelta(days=1)) == 0

    assert permissions() == [("survey", "consent", "signed form 12", NOW, None)]


def lift(address_id, **answers):
    given = {
        "mail_class": MailClass.SURVEY,
        "source": "Call recording 4711",
        "consented_at": NOW + timedelta(days=2),
        "at": NOW + timedelta(days=3),
    }
    lift_objection(address_id=address_id, **(given | answers))


@pytest.mark.parametrize("was_allowed", [True, False])
def test_newer_consent_ends_an_objection_and_is_kept_with_its_proof(address_id, was_allowed):
    if was_allowed:
        grant_permissions(grants=[grant(address_id)], at=NOW)
    object_to_all(address_id=address_id, via=ObjectionSource.PAGE, at=NOW)

    lift(address_id)

    survey = MailPermission.objects.get(mail_class="survey")
    assert (survey.basis, survey.source, survey.granted_at) == (
        LegalBasis.CONSENT,
        "Call recording 4711",
        NOW + timedelta(days=2),
    )
    assert (survey.objected_at, survey.objected_via) == (None, "")
    objected = MailPermission.objects.filter(objected_at=NOW)
    assert set(objected.values_list("mail_class", flat=True)) == {
        "newsletter",
        "programme",
        "alert",
    }


def test_newer_consent_ends_a_complaint_for_its_class_alone(address_id):
    MailAddress.objects.update(complained_at=NOW)
    object_to_all(address_id=address_id, via=ObjectionSource.COMPLAINT, at=NOW)

    lift(address_id)

    assert MailAddress.objects.get().complained_at is None
    assert MailPermission.objects.filter(objected_at=NOW).count() == 3


@pytest.mark.parametrize(
    ("answers", "refusal", "field"),
    [
        ({"mail_class": MailClass.ALERT}, NoSuchObjection, "mail_class"),
        ({"source": " \x00"}, ConsentRefused, "source"),
        ({"consented_at": NOW}, ConsentRefused, "consented_at"),
        ({"consented_at": NOW + timedelta(hours=1)}, ConsentRefused, "consented_at"),
        ({"consented_at": NOW + timedelta(days=4)}, ConsentRefused, "consented_at"),
    ],
)
def test_objection_stands_without_a_newer_consent(address_id, answers, refusal, field):
    """The complaint came an hour after the objection."""
    object_to(address_id=address_id, mail_class=MailClass.SURVEY, via=ObjectionSource.PHONE, at=NOW)
    MailAddress.objects.update(complained_at=NOW + timedelta(hours=1))

    with pytest.raises(refusal) as refused:
        lift(address_id, **answers)

    assert refused.value.field == field
    assert permissions() == [("survey", "", "", None, NOW)]
    assert MailAddress.objects.get().complained_at == NOW + timedelta(hours=1)
