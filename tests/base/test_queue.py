import pytest
from django.db import transaction

from cxcrm.base.queue import after_commit

BELL = "tests.bell"


@pytest.mark.django_db
def test_after_commit_rings_once_the_work_is_committed(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as rung:
        after_commit(BELL, account=1)

    assert len(rung) == 1


@pytest.mark.django_db
def test_after_commit_does_not_ring_for_what_was_rolled_back(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as rung, transaction.atomic():
        after_commit(BELL)
        transaction.set_rollback(True)

    assert rung == []


@pytest.mark.django_db(transaction=True)
def test_after_commit_survives_a_broker_that_is_away(settings, monkeypatch):
    monkeypatch.setattr("celery.current_app.conf.broker_url", "redis://127.0.0.1:1")
    monkeypatch.setattr("celery.current_app.conf.broker_write_url", "redis://127.0.0.1:1")

    with transaction.atomic():
        after_commit(BELL)
