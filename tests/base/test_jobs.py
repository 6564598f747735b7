"""Bulk actions: done at once where they are few, else in chunks that a crash does not tear."""

import threading
from datetime import date

import pytest
from django.db import connection

from accounts.enums import TaskPool, TimelineKind
from accounts.models import Account, Task, TimelineEvent
from accounts.services.deeds import ASSIGN_ACCOUNTS, OPEN_TASKS, TAKE_TASKS
from cxcrm.base import deeds, jobs
from cxcrm.base.deeds import Deed, Outcome
from cxcrm.base.enums import JobState
from cxcrm.base.jobs import (
    DeedNotAllowed,
    NothingChosen,
    TooManyChosen,
    start_job,
    work_off_jobs,
)
from cxcrm.base.models import Job, JobRefusal
from cxcrm.users.enums import Role
from tests.factories import NOW, AccountFactory, BrandFactory, UserFactory

TASK = {"title": "Call", "due_on": date(2026, 6, 8), "pool": TaskPool.RETENTION}


@pytest.fixture
def small(monkeypatch):
    """Jobs of more than 2 rows go to the background, in chunks of 3."""
    monkeypatch.setattr(jobs, "AT_ONCE", 2)
    monkeypatch.setattr(jobs, "CHUNK", 3)


@pytest.fixture
def deed(monkeypatch):
    """`deed(act)` registers a deed named "tried", for this test only."""
    monkeypatch.setattr(deeds, "_deeds", dict(deeds._deeds))

    def register(act):
        deeds.register_deed(Deed("tried", "Try", "accounts.Account", "accounts.add_task", act))

    return register


@pytest.fixture
def agent(db):
    return UserFactory(role=Role.AGENT)


@pytest.fixture
def accounts(db) -> list[int]:
    brand = BrandFactory()
    return [account.pk for account in AccountFactory.create_batch(7, brand=brand)]


def start(name: str, ids: list[int], actor, **parameters) -> Job:
    return start_job(deed=name, ids=ids, parameters=parameters, at=NOW, actor=actor)


def test_few_rows_are_done_at_once(agent, accounts):
    job = start(OPEN_TASKS, accounts[:2], agent, **TASK)

    assert (job.state, job.total, job.position, job.refused) == (JobState.DONE, 2, 2, 0)
    assert job.finished_at == NOW
    found = Task.objects.order_by("account_id").values_list("account_id", "title", "due_on", "pool")
    assert list(found) == [
        (account, "Call", date(2026, 6, 8), TaskPool.RETENTION) for account in accounts[:2]
    ]
    events = TimelineEvent.objects.filter(kind=TimelineKind.TASK_OPENED, actor=agent)
    assert set(events.values_list("account_id", flat=True)) == set(accounts[:2])


@pytest.mark.usefixtures("small")
def test_many_rows_wait_for_a_worker_that_does_them_in_chunks(
    agent, accounts, deed, django_capture_on_commit_callbacks
):
    chunks = []

    def act(*, ids, at, actor, word):
        chunks.append((list(ids), at, actor, word))
        return Outcome(done=list(ids))

    deed(act)
    with django_capture_on_commit_callbacks() as hints:
        job = start("tried", accounts, agent, word="yes")
    before = (job.state, list(chunks), len(hints))

    worked_off = work_off_jobs(at=NOW)

    assert before == (JobState.WAITING, [], 1)
    assert worked_off == 7
    assert chunks == [
        (accounts[:3], NOW, agent, "yes"),
        (accounts[3:6], NOW, agent, "yes"),
        (accounts[6:], NOW, agent, "yes"),
    ]
    job.refresh_from_db()
    assert (job.state, job.position, job.refused) == (JobState.DONE, 7, 0)
    assert work_off_jobs(at=NOW) == 0


@pytest.mark.usefixtures("small")
def test_what_is_refused_is_kept_with_its_reason(agent, accounts):
    gone = max(accounts) + 1

    job = start(OPEN_TASKS, [*accounts, gone], agent, **TASK)
    work_off_jobs(at=NOW)

    job.refresh_from_db()
    assert (job.state, job.position, job.refused, job.done) == (JobState.DONE, 8, 1, 7)
    refusal = job.refusals.get()
    assert (refusal.subject_id, refusal.reason) == (gone, "It does not exist any more.")
    assert Task.objects.count() == 7


def test_reasons_are_in_the_language_of_who_started_it(accounts, monkeypatch):
    monkeypatch.setattr(jobs, "AT_ONCE", 0)
    german = UserFactory(role=Role.AGENT, language="de")
    seen = []
    monkeypatch.setattr(
        deeds,
        "_deeds",
        {
            "tried": Deed(
                "tried",
                "Try",
                "accounts.Account",
                "accounts.add_task",
                lambda *, ids, at, actor: (
                    seen.append(jobs.translation.get_language()) or Outcome(done=list(ids))
                ),
            )
        },
    )

    start("tried", accounts, german)
    work_off_jobs(at=NOW)

    assert seen == ["de"]


@pytest.mark.usefixtures("small")
def test_worker_that_dies_in_a_chunk_leaves_nothing_half_done(agent, accounts, deed):
    """What a crash does: the transaction of the chunk is gone with all that it wrote."""

    class Killed(BaseException):
        pass

    dying = [False]

    def act(*, ids, at, actor):
        for account_id in ids:
            AccountFactory._meta.model.objects.filter(pk=account_id).update(name="renamed")
            if dying[0]:
                raise Killed
        dying[0] = True
        return Outcome(done=list(ids))

    deed(act)
    job = start("tried", accounts, agent)
    with pytest.raises(Killed):
        work_off_jobs(at=NOW)
    job.refresh_from_db()
    after_crash = (job.position, Account.objects.filter(name="renamed").count())
    deeds._deeds.pop("tried")
    deed(lambda *, ids, at, actor: Outcome(done=list(ids)))

    work_off_jobs(at=NOW)

    job.refresh_from_db()
    assert after_crash == (3, 3)
    assert (job.state, job.position) == (JobState.DONE, 7)


@pytest.mark.usefixtures("small")
def test_chunk_that_fails_is_tried_again_and_others_are_not_kept_waiting(
    agent, accounts, deed, caplog
):
    content = "Bäckerei Brot owes 9.90"

    def act(*, ids, at, actor):
        raise RuntimeError(content)

    deed(act)
    failing = start("tried", accounts, agent)
    other = start(OPEN_TASKS, accounts, agent, **TASK)

    states = []
    for _turn in range(jobs.FAILURES + 1):
        work_off_jobs(at=NOW)
        failing.refresh_from_db()
        states.append((failing.state, failing.failures))
    other.refresh_from_db()

    assert other.state == JobState.DONE
    assert states[:2] == [(JobState.WAITING, 1), (JobState.WAITING, 2)]
    assert states[-2:] == [(JobState.STOPPED, jobs.FAILURES)] * 2
    assert failing.problem == "An unexpected error came up again and again."
    assert "job_chunk_failed" in caplog.text
    assert content not in caplog.text


@pytest.mark.usefixtures("small")
def test_job_of_somebody_who_lost_the_role_stops(agent, accounts):
    job = start(OPEN_TASKS, accounts, agent, **TASK)
    agent.groups.clear()

    work_off_jobs(at=NOW)

    job.refresh_from_db()
    assert (job.state, job.problem) == (JobState.STOPPED, "You may not do this any more.")
    assert Task.objects.count() == 0


@pytest.mark.usefixtures("small")
def test_history_names_who_started_the_job(accounts):
    lead, manager = UserFactory(role=Role.TEAM_LEAD), UserFactory(role=Role.AGENT)

    job = start(ASSIGN_ACCOUNTS, accounts, lead, account_manager_id=manager.pk)
    work_off_jobs(at=NOW)

    assert set(Account.objects.values_list("account_manager", flat=True)) == {manager.pk}
    contexts = {
        (event.pgh_context.metadata["user"], event.pgh_context.metadata["job"])
        for event in Account.pgh_event_model.objects.select_related("pgh_context")
    }
    assert contexts == {(lead.pk, job.pk)}


@pytest.mark.parametrize(
    ("ids", "refusal"), [([], NothingChosen), ([1, 2, 3], TooManyChosen), ([1], DeedNotAllowed)]
)
def test_job_that_makes_no_sense_is_refused(db, monkeypatch, ids, refusal):
    monkeypatch.setattr(jobs, "MOST", 2)
    actor = UserFactory(role=Role.EXECUTIVE if refusal is DeedNotAllowed else Role.AGENT)

    with pytest.raises(refusal):
        start(OPEN_TASKS, ids, actor, **TASK)

    assert Job.objects.count() == 0


def test_unknown_deed_is_refused(agent):
    with pytest.raises(deeds.UnknownDeed):
        start("launch_rockets", [1], agent)


def test_row_that_was_chosen_twice_is_done_once(agent, accounts):
    job = start(OPEN_TASKS, [accounts[0], accounts[0]], agent, **TASK)

    assert (job.total, Task.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_each_chunk_once(monkeypatch):
    monkeypatch.setattr(jobs, "AT_ONCE", 0)
    monkeypatch.setattr(jobs, "CHUNK", 5)
    agent, brand = UserFactory(role=Role.AGENT), BrandFactory()
    accounts = [account.pk for account in AccountFactory.create_batch(40, brand=brand)]
    started = [start(OPEN_TASKS, accounts, agent, **TASK) for _ in range(3)]
    together = threading.Barrier(3)

    def work() -> None:
        try:
            together.wait()
            work_off_jobs(at=NOW)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    work_off_jobs(at=NOW)

    assert Task.objects.count() == 120
    assert set(Job.objects.values_list("state", "position")) == {(JobState.DONE, 40)}
    assert len(started) == Job.objects.count()
    assert JobRefusal.objects.count() == 0


def test_tasks_taken_in_bulk_are_those_that_nobody_has(agent, accounts):
    start(OPEN_TASKS, accounts[:2], agent, **TASK)
    mine, others = Task.objects.order_by("id")
    other = UserFactory(role=Role.AGENT)
    Task.objects.filter(pk=others.pk).update(assignee=other)

    job = start(TAKE_TASKS, [mine.pk, others.pk], agent)

    assert (job.done, job.refused) == (1, 1)
    assert job.refusals.get().reason == "Somebody else has taken this task."
    assert list(Task.objects.order_by("id").values_list("assignee", flat=True)) == [
        agent.pk,
        other.pk,
    ]
