from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cxcrm.outbox.enums import BounceKind, BounceSource
from cxcrm.outbox.models import MailAddress, MailBounce, OutgoingMail
from cxcrm.outbox.services import Bounce, deliver_mails, forget_old_mails, note_bounce, retention
from tests.outbox.letters import NOW, mail

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=400, seconds=1)


@pytest.fixture
def old(letters, relay):
    """Seven mails that ended at NOW."""
    letters.queue(*(f"p{number}@example.com" for number in range(1, 8)))
    deliver_mails(at=NOW)


def subjects() -> list[int]:
    return sorted(OutgoingMail.objects.values_list("subject_id", flat=True))


def test_mails_go_the_moment_after_their_days_are_over(old, settings):
    assert settings.CXCRM_MAIL_RETENTION_DAYS == 400

    assert forget_old_mails(at=NOW + timedelta(days=400)) == {"mails": 0, "bounces": 0}
    assert forget_old_mails(at=LATER) == {"mails": 7, "bounces": 0}
    assert forget_old_mails(at=LATER) == {"mails": 0, "bounces": 0}


def test_mails_go_in_batches_past_those_whose_end_nobody_has_noted(old, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    OutgoingMail.objects.filter(subject_id__in=[1, 2, 5]).update(is_noted=False)

    assert forget_old_mails(at=LATER) == {"mails": 4, "bounces": 0}

    assert subjects() == [1, 2, 5]


def test_what_is_on_its_way_and_what_is_younger_stays(old, letters):
    letters.queue("new@example.com", at=NOW)
    OutgoingMail.objects.filter(subject_id=2).update(finished_at=NOW + timedelta(days=1))

    assert forget_old_mails(at=LATER) == {"mails": 6, "bounces": 0}

    assert subjects() == [1, 2]


def test_a_dead_address_outlives_its_bounce(old):
    note_bounce(
        bounce=Bounce(
            kind=BounceKind.HARD,
            source=BounceSource.MAILBOX,
            event_id="1",
            occurred_at=NOW,
            mail_id=mail(1).pk,
        ),
        at=NOW,
    )

    assert forget_old_mails(at=LATER) == {"mails": 7, "bounces": 1}

    assert not MailBounce.objects.exists()
    dead = MailAddress.objects.filter(bounced_at=NOW)
    assert list(dead.values_list("address", flat=True)) == ["p1@example.com"]


def test_forgetting_reads_the_index_of_what_is_finished(old):
    with CaptureQueriesContext(connection) as asked:
        forget_old_mails(at=LATER)
    [first, *_others] = [query["sql"] for query in asked if "finished_at" in query["sql"]]
    with connection.cursor() as cursor:
        # A table of seven rows is read as a whole, unless that is forbidden.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + first)
        plan = [line.strip() for [line] in cursor.fetchall()]

    assert any("Index Scan using mail_finished" in line for line in plan)
    assert not any(line.startswith("Sort Key: outbox_outgoingmail.finished_at") for line in plan)
