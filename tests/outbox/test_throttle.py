from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from cxcrm.outbox.enums import MailReason, MailState
from cxcrm.outbox.models import OutgoingMail, RecipientDomain
from cxcrm.outbox.services import DeliveryCounts, deliver_mails
from cxcrm.outbox.services.delivery.throttle import keep_limit
from tests.outbox.letters import NOW, mail

pytestmark = pytest.mark.django_db


@pytest.fixture
def slow_domain() -> RecipientDomain:
    return RecipientDomain.objects.create(domain="slow.example", mails_per_minute=6)


def waits() -> list[int]:
    """Until the next try of each mail, in seconds of the database's clock."""
    return [
        round((due_at - now).total_seconds())
        for due_at, now in OutgoingMail.objects.filter(state=MailState.QUEUED)
        .order_by("due_at")
        .values_list("due_at", Now())
    ]


def pass_seconds(seconds: int) -> None:
    """All that waits, and the next free place, come so much nearer."""
    shift = timedelta(seconds=seconds)
    for waiting in OutgoingMail.objects.filter(state=MailState.QUEUED):
        OutgoingMail.objects.filter(pk=waiting.pk).update(due_at=waiting.due_at - shift)
    domain = RecipientDomain.objects.get()
    RecipientDomain.objects.update(next_slot_at=domain.next_slot_at - shift)


def test_mails_to_a_slow_provider_get_places_one_after_the_other(letters, relay, slow_domain):
    letters.queue("a@slow.example", "b@slow.example", "c@fast.example", "d@slow.example")

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=2, waiting=2)

    assert relay.recipients == ["a@slow.example", "c@fast.example"]
    assert waits() == [10, 20]
    waiting = mail(2)
    assert (waiting.reason, waiting.attempt, waiting.has_slot) == (
        MailReason.DOMAIN_LIMIT,
        0,
        True,
    )


def test_a_mail_goes_at_its_place_and_takes_no_other(letters, relay, slow_domain):
    letters.queue("a@slow.example", "b@slow.example", "c@slow.example")
    deliver_mails(at=NOW)

    pass_seconds(10)
    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)
    assert waits() == [10]
    pass_seconds(10)
    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)

    assert relay.recipients == ["a@slow.example", "b@slow.example", "c@slow.example"]
    assert (mail(2).attempt, mail(2).reason) == (1, "")


def test_places_that_were_missed_do_not_all_go_at_once(letters, relay, slow_domain):
    letters.queue(*(f"p{number}@slow.example" for number in range(5)))
    deliver_mails(at=NOW)

    pass_seconds(1_000)

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1, waiting=3)
    assert waits() == [10, 20, 30]


def test_a_refused_mail_takes_another_place(letters, relay, slow_domain, settings):
    settings.CXCRM_MAIL_RETRY_SECONDS = 10
    letters.queue("a@slow.example", "b@slow.example")
    relay.at_recipient["b@slow.example"] = "450 4.2.1 too fast"
    deliver_mails(at=NOW)
    pass_seconds(10)

    assert deliver_mails(at=NOW) == DeliveryCounts(postponed=1)

    assert (mail(2).has_slot, mail(2).reason) == (False, MailReason.TEMPORARY)


def test_what_somebody_waits_for_goes_at_once_and_uses_a_place_up(
    letters, relay, slow_domain, code
):
    letters.queue(*(f"p{number}@slow.example" for number in range(5)))
    deliver_mails(at=NOW)
    letters.queue("ada@slow.example", kind=code)

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)
    letters.queue("z@slow.example")
    deliver_mails(at=NOW)

    assert relay.recipients == ["p0@slow.example", "ada@slow.example"]
    assert waits() == [10, 20, 30, 40, 60]


def test_a_mail_gets_no_place_that_comes_too_late_for_it(letters, relay, slow_domain):
    letters.queue(*(f"p{number}@slow.example" for number in range(6)))
    OutgoingMail.objects.filter(subject_id__gte=3).update(useful_until=NOW + timedelta(seconds=35))
    # Nothing makes this one come in time.
    OutgoingMail.objects.filter(subject_id=6).update(useful_until=NOW)

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=2, waiting=4)

    assert relay.recipients == ["p0@slow.example", "p4@slow.example"]
    assert waits() == [10, 20, 30, 50]


def test_a_limit_for_another_domain_frees_what_waited_for_the_one_before(
    letters, relay, slow_domain
):
    letters.queue("a@slow.example", "b@slow.example", "c@slow.example")
    deliver_mails(at=NOW)

    slow_domain.domain = "slower.example"
    keep_limit(slow_domain)

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=2)


def test_a_suppressed_mail_takes_no_place(letters, relay, slow_domain):
    letters.queue("a@slow.example", "b@slow.example")
    letters.refusals[1] = "The contract is over."

    assert deliver_mails(at=NOW) == DeliveryCounts(suppressed=1, accepted=1)


def test_limits_are_read_once_per_turn(letters, relay, slow_domain):
    letters.queue(*(f"p{number}@fast.example" for number in range(10)))

    with CaptureQueriesContext(connection) as asked:
        deliver_mails(at=NOW)

    assert sum("outbox_recipientdomain" in query["sql"] for query in asked) == 1
