from datetime import timedelta

import pytest

from cxcrm.outbox.enums import BounceKind, BounceSource, MailClass, ObjectionSource
from cxcrm.outbox.models import MailAddress, MailBounce, MailPermission, OutgoingMail
from cxcrm.outbox.rules.bounces import bounce_kind
from cxcrm.outbox.services import (
    Bounce,
    DeliveryCounts,
    deliver_mails,
    note_bounce,
    revive_address,
)
from tests.outbox.letters import NOW, mail

pytestmark = pytest.mark.django_db


def came_back(kind: BounceKind, event_id: str = "1", **fields) -> Bounce:
    known = {"source": BounceSource.PROVIDER, "occurred_at": NOW, "reason": "550 5.1.1 unknown"}
    return Bounce(kind=kind, event_id=event_id, **(known | fields))


def test_hard_bounce_ends_the_address_and_marks_the_mail(letters, relay):
    letters.queue("ada@example.com")
    deliver_mails(at=NOW)
    later = NOW + timedelta(minutes=5)

    bounce = came_back(BounceKind.HARD, mail_id=mail().pk)
    assert note_bounce(bounce=bounce, at=later) is True

    address = MailAddress.objects.get()
    assert (address.bounced_at, address.bounce_reason) == (later, "550 5.1.1 unknown")
    assert mail().bounced_at == NOW
    letters.queue("ada@example.com")
    assert deliver_mails(at=later) == DeliveryCounts(suppressed=1)


def test_bounce_is_kept_once_however_often_it_is_told(letters, relay):
    letters.queue("ada@example.com")
    bounce = came_back(BounceKind.SOFT, mail_id=mail().pk)

    assert [note_bounce(bounce=bounce, at=NOW) for _time in range(5)] == [True, *[False] * 4]

    assert MailBounce.objects.count() == 1
    assert MailAddress.objects.get().bounced_at is None


@pytest.mark.parametrize(
    ("days", "is_dead"),
    [
        ((0, 1, 2), True),
        ((0, 7, 13), True),
        ((0, 7, 15), False),
        # Servers do not tell in order.
        ((13, 0, 7), True),
        ((0, 13, 7), True),
        ((30, 60, 0), False),
        ((0, 30, 1), False),
    ],
)
def test_soft_bounces_of_three_mails_in_two_weeks_end_an_address(letters, relay, days, is_dead):
    for number, day in enumerate(days):
        letters.queue("ada@example.com")
        deliver_mails(at=NOW)
        newest = MailAddress.objects.get().mails.latest("pk")
        note_bounce(
            bounce=came_back(
                BounceKind.SOFT,
                str(number),
                mail_id=newest.pk,
                occurred_at=NOW + timedelta(days=day),
            ),
            at=NOW + timedelta(days=61),
        )

    assert (MailAddress.objects.get().bounced_at is not None) == is_dead


def soft(number: int, day: int, *, at) -> None:
    bounce = came_back(
        BounceKind.SOFT,
        str(number),
        address="ada@example.com",
        occurred_at=NOW + timedelta(days=day),
    )
    assert note_bounce(bounce=bounce, at=at) is True


def test_what_bounced_before_an_address_was_brought_back_counts_no_more(letters, relay):
    letters.queue("ada@example.com")
    deliver_mails(at=NOW)
    revived_at = NOW + timedelta(days=3)
    for number in range(3):
        soft(number, number, at=revived_at)
    address = MailAddress.objects.get()
    assert address.bounced_at == revived_at

    revive_address(address_id=address.pk, at=revived_at)
    hard = came_back(BounceKind.HARD, "late", mail_id=mail().pk, occurred_at=NOW)
    note_bounce(bounce=hard, at=NOW + timedelta(days=4))
    soft(4, 2, at=NOW + timedelta(days=4))
    soft(5, 4, at=NOW + timedelta(days=4))
    soft(6, 5, at=NOW + timedelta(days=5))
    assert MailAddress.objects.get().bounced_at is None

    soft(7, 6, at=NOW + timedelta(days=6))
    assert MailAddress.objects.get().bounced_at == NOW + timedelta(days=6)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (NOW - timedelta(days=9000), NOW),
        (NOW + timedelta(hours=1), NOW + timedelta(hours=1)),
        (NOW + timedelta(days=9000), NOW + timedelta(days=1)),
    ],
)
def test_a_mail_comes_back_after_it_was_sent_and_not_later_than_now(letters, relay, told, kept):
    letters.queue("ada@example.com")
    deliver_mails(at=NOW)

    bounce = came_back(BounceKind.SOFT, mail_id=mail().pk, occurred_at=told)
    note_bounce(bounce=bounce, at=NOW + timedelta(days=1))

    assert (MailBounce.objects.get().occurred_at, mail().bounced_at) == (kept, kept)


def test_words_that_no_database_can_keep_are_kept_without_them(letters, relay):
    letters.queue("ada@example.com")
    deliver_mails(at=NOW)
    unclean = "a\x00b\ud800c\nd"

    bounce = came_back(
        BounceKind.HARD,
        unclean,
        reason=unclean,
        provider_id=unclean,
        address="ada@example.com\x00\ud800",
    )
    assert note_bounce(bounce=bounce, at=NOW) is True
    assert note_bounce(bounce=bounce, at=NOW) is False

    [noted] = MailBounce.objects.all()
    assert (noted.event_id, noted.reason) == ("abc d", "abc d")
    assert MailAddress.objects.get().bounce_reason == "abc d"


@pytest.mark.parametrize("known_by", ["mail_id", "provider_id"])
def test_a_number_of_a_mail_to_somebody_else_is_not_believed(letters, relay, known_by):
    letters.queue("ada@example.com", "b@example.com")
    deliver_mails(at=NOW)
    OutgoingMail.objects.filter(pk=mail(1).pk).update(provider_id="x-1")
    mark = {known_by: {"mail_id": mail(1).pk, "provider_id": "x-1"}[known_by]}

    bounce = came_back(BounceKind.HARD, address="B@example.com ", **mark)
    assert note_bounce(bounce=bounce, at=NOW) is True
    stranger = came_back(BounceKind.HARD, "2", address="stranger@example.com", **mark)
    assert note_bounce(bounce=stranger, at=NOW) is False

    dead = MailAddress.objects.filter(bounced_at__isnull=False)
    assert list(dead.values_list("address", flat=True)) == ["b@example.com"]
    assert MailBounce.objects.get().mail_id is None
    assert mail(1).bounced_at is None


def test_a_domain_is_the_same_in_its_own_letters_and_as_servers_say_it(letters, relay):
    letters.queue("ada@bücher.example")
    deliver_mails(at=NOW)

    bounce = came_back(BounceKind.HARD, mail_id=mail().pk, address="Ada@xn--bcher-kva.example")
    assert note_bounce(bounce=bounce, at=NOW) is True

    assert MailBounce.objects.get().mail_id == mail().pk


def test_soft_bounces_of_one_mail_count_once(letters, relay):
    letters.queue("ada@example.com")
    for number in range(4):
        note_bounce(bounce=came_back(BounceKind.SOFT, str(number), mail_id=mail().pk), at=NOW)

    assert MailBounce.objects.count() == 4
    assert MailAddress.objects.get().bounced_at is None


def test_complaint_is_an_objection_to_all_but_service_mails(letters, relay):
    letters.queue("ada@example.com")
    deliver_mails(at=NOW)

    note_bounce(bounce=came_back(BounceKind.COMPLAINT, mail_id=mail().pk), at=NOW)

    address = MailAddress.objects.get()
    assert (address.complained_at, address.bounced_at, mail().bounced_at) == (NOW, None, None)
    assert set(MailPermission.objects.values_list("mail_class", "objected_at", "objected_via")) == {
        (mail_class, NOW, ObjectionSource.COMPLAINT)
        for mail_class in MailClass
        if mail_class != MailClass.SERVICE
    }
    letters.queue("ada@example.com")
    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)


@pytest.mark.parametrize("known_by", ["mail_id", "provider_id", "address"])
def test_bounce_is_known_by_any_of_its_marks(letters, relay, known_by):
    letters.queue("ada@example.com", "b@example.com")
    deliver_mails(at=NOW)
    OutgoingMail.objects.filter(pk=mail(1).pk).update(provider_id="x-1")
    mark = {"mail_id": mail(1).pk, "provider_id": "x-1", "address": "Ada@Example.com"}[known_by]

    assert note_bounce(bounce=came_back(BounceKind.HARD, **{known_by: mark}), at=NOW) is True

    dead = MailAddress.objects.filter(bounced_at__isnull=False)
    assert list(dead.values_list("address", flat=True)) == ["ada@example.com"]


def test_bounce_of_somebody_unknown_is_passed_over(letters):
    bounce = came_back(BounceKind.HARD, address="stranger@example.com", mail_id=None)

    assert note_bounce(bounce=bounce, at=NOW) is False

    assert not MailBounce.objects.exists()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("550 5.1.1 <a@b.example>: unknown user", "hard"),
        ("5.1.2 smtp; 550 no such domain", "hard"),
        ("550 5.1.10 RESOLVER.ADR.RecipNotFound", "hard"),
        ("550 5.2.1 The account is disabled", "hard"),
        ("550 5.4.1 Recipient address rejected: Access denied", "hard"),
        ("5.0.0 smtp; 550 No such user", "hard"),
        ("550 No such user here", "hard"),
        ("553 mailbox name not allowed", "hard"),
        ("550 No such user relay@blocked.example", "hard"),
        ("550 unknown user, see https://policy.example/spam", "hard"),
        ("551 User not local", "hard"),
        ("550 sorry, no mailbox here by that name", "hard"),
        ("550 Unrouteable address", "hard"),
        ("550 That mailbox does not exist", "hard"),
        ("550 The email account doesn't exist", "hard"),
        ("550 Account has been disabled", "hard"),
        ("550 <a@b.example>: User unknown in relay recipient table", "hard"),
        ("550 no such user (ada@example.com:blocked)", "soft"),
        ("550 permanent failure for one or more recipients (ada@example.com:blocked)", "soft"),
        ("550 Sending rate limit exceeded", "soft"),
        ("550 HELO rejected", "soft"),
        ("550 Bad HELO - Host not found", "soft"),
        ("550 Administrative prohibition", "soft"),
        ("550 Reverse DNS lookup failed for host 192.0.2.25", "soft"),
        ("550 Reverse DNS not found", "soft"),
        ("550 Domain example.com has exceeded the max emails per hour. Message discarded.", "soft"),
        ("550 Message rejected", "soft"),
        ("550 Your IP is listed", "soft"),
        ("550 Your account is disabled", "soft"),
        ("550 unknown client", "soft"),
        ("550 unknown error", "soft"),
        ("550 virus detected", "soft"),
        ("550", "soft"),
        ("550 5.7.1 relaying denied", "soft"),
        ("550 relay not permitted", "soft"),
        ("550 Your address is blocked by our policy", "soft"),
        ("550 Mailbox full", "soft"),
        ("550 sender address rejected", "soft"),
        ("5.0.0 smtp; 550 Listed in a DNSBL", "soft"),
        ("550 5.1.8 sender address rejected", "soft"),
        ("552 5.2.2 mailbox full", "soft"),
        ("5.3.4 message too big", "soft"),
        ("450 4.1.1 try again", "soft"),
        ("554 rejected", "soft"),
        ("rejected by 5.1.1.1", "soft"),
        ("", "soft"),
    ],
)
def test_codes_tell_a_dead_address_from_a_refused_mail(text, kind):
    assert bounce_kind(text) == kind
