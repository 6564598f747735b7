import pytest
from celery import Celery
from django.db import transaction

from cxcrm.celery import app
from cxcrm.outbox.enums import MailState
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import UnknownMailKind, deliver_mails
from tests.outbox.letters import NOW, mail

pytestmark = pytest.mark.django_db


def test_queue_mails_queues_once_while_the_mail_lives(letters):
    assert letters.queue("Ada@Example.com", "b@example.com") == 2
    assert letters.queue("ada@example.com", "b@example.com", "c@example.com") == 1

    assert list(
        OutgoingMail.objects.order_by("subject_id").values_list(
            "kind", "subject_id", "address__address", "state", "planned_at", "attempt"
        )
    ) == [
        ("letter", 1, "ada@example.com", "queued", NOW, 0),
        ("letter", 2, "b@example.com", "queued", NOW, 0),
        ("letter", 3, "c@example.com", "queued", NOW, 0),
    ]


def test_queue_mails_queues_again_after_the_first_has_ended(letters, mailoutbox):
    letters.queue("a@example.com")
    deliver_mails(at=NOW)

    assert letters.queue("a@example.com") == 1
    assert sorted(OutgoingMail.objects.values_list("state", flat=True)) == ["accepted", "queued"]


def test_queue_mails_rings_once_and_only_where_something_is_new(
    letters, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as rung:
        letters.queue("a@example.com", "b@example.com")
        letters.queue("a@example.com")
        letters.queue()

    assert len(rung) == 1


def test_queue_mails_refuses_a_kind_that_nobody_registered(letters):
    with pytest.raises(UnknownMailKind):
        letters.queue("a@example.com", kind="unheard_of")

    assert not OutgoingMail.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_queue_mails_leaves_nothing_behind_a_rollback(letters, mailoutbox):
    with transaction.atomic():
        letters.queue("a@example.com")
        transaction.set_rollback(True)

    deliver_mails(at=NOW)

    assert not OutgoingMail.objects.exists()
    assert mailoutbox == []


@pytest.mark.django_db(transaction=True)
def test_queue_mails_keeps_the_mail_while_the_broker_is_away(letters):
    away = Celery("away", broker="redis://127.0.0.1:1/0")
    away.conf.update(
        broker_transport_options=app.conf.broker_transport_options, task_publish_retry=False
    )
    away.set_current()
    try:
        letters.queue("a@example.com")
    finally:
        app.set_current()

    assert mail().state == MailState.QUEUED
