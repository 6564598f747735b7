from datetime import timedelta

import pytest
from celery import current_app
from django.db.models import F

from cxcrm.base import clock, processes
from cxcrm.base.enums import ProcessKind
from cxcrm.base.models import ProcessSeen
from cxcrm.base.processes import SignsOfLife, process_name, processes_seen


@pytest.fixture
def signs() -> SignsOfLife:
    return SignsOfLife(ProcessKind.WORKER)


def move_into_past(**ago: int) -> None:
    ago = timedelta(**ago)
    ProcessSeen.objects.update(seen_at=F("seen_at") - ago, first_seen_at=F("first_seen_at") - ago)


@pytest.mark.django_db(transaction=True)
def test_first_sign_names_the_process_and_later_ones_only_renew_it(signs, monkeypatch):
    signs.give()
    move_into_past(minutes=5)
    before = ProcessSeen.objects.get()
    signs.give()  # too soon to write again
    assert ProcessSeen.objects.get().seen_at == before.seen_at

    monkeypatch.setattr(signs, "_next_sign_at", 1.0)
    signs.give()

    seen = ProcessSeen.objects.get()
    assert (seen.kind, seen.name) == ("worker", process_name())
    assert seen.first_seen_at == before.first_seen_at
    assert seen.seen_at > before.seen_at


@pytest.mark.django_db(transaction=True)
def test_new_process_with_the_number_of_a_dead_one_begins_anew(signs):
    signs.give()
    move_into_past(hours=5)

    SignsOfLife(ProcessKind.WORKER).give()

    seen = ProcessSeen.objects.get()
    assert seen.first_seen_at == seen.seen_at


@pytest.mark.django_db(transaction=True)
def test_who_ends_in_order_is_seen_no_more(signs):
    signs.give()
    SignsOfLife(ProcessKind.BEAT).give()

    signs.end()

    assert [seen.kind for seen in processes_seen(at=clock.now())] == [ProcessKind.BEAT]


@pytest.mark.django_db(transaction=True)
def test_who_begins_forgets_those_that_fell_silent_a_day_ago(signs):
    ProcessSeen.objects.create(
        kind="worker", name="long:1", first_seen_at=clock.now(), seen_at=clock.now()
    )
    move_into_past(days=1, seconds=1)

    signs.give()

    assert [seen.name for seen in ProcessSeen.objects.all()] == [process_name()]


def test_signs_cost_no_error_where_the_database_is_away(signs, database_away, caplog):
    signs.give()
    signs.give()
    signs.end()

    noted = [record for record in caplog.records if "sign_of_life_not_given" in str(record.msg)]
    assert len(noted) == 2  # not asked again at once


@pytest.mark.django_db(transaction=True)
def test_beat_gives_a_sign_at_each_turn_of_its_loop(tmp_path, monkeypatch):
    monkeypatch.setattr(processes.PersistentScheduler, "tick", lambda self: 1.0)
    scheduler = processes.VisibleScheduler(
        current_app, schedule_filename=str(tmp_path / "schedule"), lazy=True
    )

    scheduler.tick()

    assert [seen.kind for seen in processes_seen(at=clock.now())] == [ProcessKind.BEAT]
