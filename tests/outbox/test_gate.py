"""The gate as delivery meets it; the rule itself is held against SQL in test_gate_in_sql."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db.models.functions import Now

from cxcrm.outbox.enums import LegalBasis, MailClass, MailReason, MailState, ObjectionSource
from cxcrm.outbox.models import MailAddress, OutgoingMail
from cxcrm.outbox.services import (
    DeliveryCounts,
    MailRequest,
    PermissionGrant,
    deliver_mails,
    grant_permissions,
    object_to_all,
    queue_mails,
    remember_addresses,
)
from cxcrm.outbox.services import kinds as registered
from tests.outbox.letters import NOW, come_due, mail

pytestmark = pytest.mark.django_db

NIGHT = datetime(2026, 6, 1, 23, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 7, tzinfo=UTC)


@pytest.fixture
def nights(settings) -> None:
    settings.CXCRM_QUIET_HOURS = "21:00-07:00"


def queue(*subject_ids, kind="letter", address="ada@example.com", at=NIGHT, **request) -> None:
    """Mails to one address that its owner has allowed."""
    address_id = remember_addresses(addresses=[address])[address]
    grant = PermissionGrant(
        address_id=address_id,
        mail_class=MailClass.NEWSLETTER,
        basis=LegalBasis.CONSENT,
        source="test",
    )
    grant_permissions(grants=[grant], at=NOW)
    requests = [
        MailRequest(
            subject_id=number, address_id=address_id, language="en", account_id=None, **request
        )
        for number in subject_ids
    ]
    queue_mails(kind=kind, requests=requests, at=at)


def waits(number: int = 1) -> timedelta:
    """From the database's clock to the next try, in whole minutes."""
    asked = OutgoingMail.objects.filter(subject_id=number).values_list("due_at", Now())
    due_at, now = asked.get()
    return timedelta(minutes=round((due_at - now).total_seconds() / 60))


def ends() -> list[tuple[str, str]]:
    return list(OutgoingMail.objects.order_by("subject_id").values_list("state", "reason"))


def test_mail_queued_at_night_is_not_due_before_the_morning(nights, letters, relay):
    queue(1)

    assert deliver_mails(at=NIGHT) == DeliveryCounts()

    assert waits() == timedelta(hours=8)
    assert (mail().state, mail().reason, mail().attempt) == (
        MailState.QUEUED,
        MailReason.QUIET_HOURS,
        0,
    )


def test_mail_that_comes_due_at_night_waits_without_counting_a_try(nights, letters, relay):
    queue(1, at=NOW)

    assert deliver_mails(at=NIGHT) == DeliveryCounts(waiting=1)

    assert waits() == timedelta(hours=8)
    assert (mail().state, mail().reason, mail().attempt) == (
        MailState.QUEUED,
        MailReason.QUIET_HOURS,
        0,
    )
    come_due()
    assert deliver_mails(at=MORNING) == DeliveryCounts(accepted=1)
    assert ends() == [(MailState.ACCEPTED, "")]


def test_night_is_that_of_the_recipient(nights, letters, relay):
    queue(1, at=NOW, time_zone="Asia/Kolkata")
    queue(2, at=NOW, time_zone="America/Los_Angeles", address="b@example.com")

    assert deliver_mails(at=NOW + timedelta(minutes=1)) == DeliveryCounts(accepted=1)

    assert relay.recipients == ["ada@example.com"]
    assert waits(2) == timedelta(hours=4)


def test_night_keeps_nothing_beyond_its_use(nights, letters, relay):
    queue(1, useful_until=MORNING - timedelta(minutes=1))
    queue(2, useful_until=MORNING, address="b@example.com")

    assert deliver_mails(at=NIGHT + timedelta(minutes=1)) == DeliveryCounts(accepted=1)

    assert relay.recipients == ["ada@example.com"]


def test_what_somebody_waits_for_goes_at_night(nights, letters, relay):
    letter = registered.mail_kind("letter")
    code = replace(letter, name="code", at_any_hour=True)
    registered.register_mail_kind(code)
    queue(1, kind="code")

    assert deliver_mails(at=NIGHT + timedelta(minutes=1)) == DeliveryCounts(accepted=1)


def test_days_that_are_played_know_no_night(nights, letters, relay):
    ahead = datetime(2099, 1, 1, 23, tzinfo=UTC)
    queue(1, at=ahead)

    assert deliver_mails(at=NIGHT) == DeliveryCounts(accepted=1)
    assert mail().finished_at == ahead


def test_complaint_stops_all_but_service_mails(letters, relay):
    queue(1, kind="news")
    queue(2)
    MailAddress.objects.update(complained_at=NOW)

    assert deliver_mails(at=NIGHT) == DeliveryCounts(accepted=1, suppressed=1)

    assert ends() == [(MailState.SUPPRESSED, MailReason.COMPLAINED), (MailState.ACCEPTED, "")]


def test_each_stop_has_its_reason(letters, relay):
    for number, name in enumerate(("bounced", "nobody", "objected", "refused", "fine"), start=1):
        queue(number, kind="news", address=f"{name}@example.com")
    addresses = {a.address.partition("@")[0]: a for a in MailAddress.objects.all()}
    MailAddress.objects.filter(pk=addresses["bounced"].pk).update(bounced_at=NOW)
    addresses["nobody"].permissions.all().delete()
    object_to_all(address_id=addresses["objected"].pk, via=ObjectionSource.PHONE, at=NOW)
    letters.refusals[4] = "The wave is over."

    deliver_mails(at=NIGHT)

    assert ends() == [
        (MailState.SUPPRESSED, MailReason.ADDRESS_BOUNCED),
        (MailState.SUPPRESSED, MailReason.NO_PERMISSION),
        (MailState.SUPPRESSED, MailReason.OBJECTED),
        (MailState.SUPPRESSED, MailReason.NOT_NEEDED),
        (MailState.ACCEPTED, ""),
    ]


def test_one_mail_a_day_that_is_no_service_mail(letters, relay):
    queue(1, 2, kind="news", time_zone="Europe/Berlin")
    queue(3, 4)
    # 01:00 in Berlin: the day there has 23 hours left.
    assert deliver_mails(at=NIGHT) == DeliveryCounts(accepted=3, waiting=1)

    assert (mail(2).reason, waits(2)) == (MailReason.DAILY_CAP, timedelta(hours=23))
    come_due()
    assert deliver_mails(at=NIGHT + timedelta(hours=22)) == DeliveryCounts(waiting=1)
    come_due()
    assert deliver_mails(at=NIGHT + timedelta(hours=23)) == DeliveryCounts(accepted=1)
    assert ends() == [(MailState.ACCEPTED, "")] * 4


def test_the_next_day_begins_after_its_night(nights, letters, relay):
    noon = NOW + timedelta(hours=2)
    queue(1, 2, kind="news", at=NOW)

    assert deliver_mails(at=noon) == DeliveryCounts(accepted=1, waiting=1)

    assert (mail(2).reason, waits(2)) == (MailReason.DAILY_CAP, timedelta(hours=19))


def test_next_try_of_the_days_mail_is_no_second_mail(letters, relay):
    queue(1, kind="news")
    relay.at_end["ada@example.com"] = "451 4.3.0 later"
    assert deliver_mails(at=NIGHT) == DeliveryCounts(postponed=1)
    relay.at_end.clear()
    come_due()

    assert deliver_mails(at=NIGHT) == DeliveryCounts(accepted=1)


def test_mail_that_cannot_be_written_takes_no_place(letters, relay):
    queue(1, 2, kind="news")
    letters.names[1] = "A\ud800da"

    assert deliver_mails(at=NIGHT) == DeliveryCounts(failed=1, accepted=1)


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_time_send_one(letters, relay, settings):
    """Both have passed the gate before either is begun."""
    settings.CXCRM_MAIL_CONNECTIONS = 2
    both = Barrier(2)
    letters.while_writing = lambda: both.wait(timeout=20)
    queue(1, 2, kind="news")

    assert deliver_mails(at=NIGHT) == DeliveryCounts(accepted=1, waiting=1)

    assert len(relay.log) == 1
    assert sorted(ends()) == [
        (MailState.ACCEPTED, ""),
        (MailState.QUEUED, MailReason.DAILY_CAP),
    ]
