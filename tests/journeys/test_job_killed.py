"""A bulk action over more rows than one request does is worked off by real workers, and each row
is done once although one of them is killed in the middle of a chunk, at its worst moments."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from accounts.enums import TaskPool, TaskState, TimelineKind
from accounts.models import Task, TimelineEvent
from accounts.services.deeds import FINISH_TASKS
from cxcrm.base.enums import JobState
from cxcrm.base.jobs import CHUNK
from cxcrm.base.models import Job
from tests.factories import NOW, AccountFactory
from tests.journeys.desk import Desk
from tests.waiting import wait_until

TASKS = 3 * CHUNK
LIST = "/desk/accounts/task/"
RESULT = "Settled with the new price list"


class Lock:
    """Held in a session of its own; `is_waited_for` once a worker can go no further."""

    def __init__(self, session: psycopg.Connection) -> None:
        self.session = session

    def is_waited_for(self) -> bool:
        return bool(self._waiting())

    def release(self) -> None:
        self.session.rollback()

    def bury_the_waiting(self) -> None:
        """The server notices only after the lock is released that a session's client is dead, and
        a statement that commits by itself would still be carried out: end the sessions first."""
        for pid in self._waiting():
            self.session.execute("SELECT pg_terminate_backend(%s)", [pid])
        wait_until(lambda: not self._waiting(), 10, "the end of the session")

    def _waiting(self) -> list[int]:
        found = self.session.execute(
            "SELECT pid FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid))",
            [self.session.info.backend_pid],
        )
        return [pid for (pid,) in found]


@pytest.fixture
def lock(deployment):
    @contextmanager
    def lock(statement: str, *values: object) -> Iterator[Lock]:
        with psycopg.connect(deployment.environment["DATABASE_URL"]) as session:
            session.execute(sql.SQL(statement), values)
            yield Lock(session)
            session.rollback()

    return lock


def open_tasks() -> list[int]:
    """The rows to act upon, in the order in which a job does them."""
    account = AccountFactory()
    return [
        task.pk
        for task in Task.objects.bulk_create(
            Task(
                account=account,
                title=f"Call {number}",
                due_on=NOW.date(),
                pool=TaskPool.SERVICE,
                created_at=NOW,
            )
            for number in range(TASKS)
        )
    ]


def finish_all(desk: Desk, ticked: int) -> Job:
    """Choose the whole list, be asked, and agree."""
    chosen = {
        "action": FINISH_TASKS,
        "index": "0",
        "select_across": "1",
        "_selected_action": str(ticked),
    }
    extent = re.search(r'name="extent" value="([^"]+)"', desk.post(LIST, chosen, form=LIST))
    assert extent
    answer = {"_form_submitted": "on", "extent": extent[1], "result": RESULT}
    assert f"of {TASKS} rows" in desk.post(LIST, chosen | answer, form=LIST)
    return Job.objects.get()


def position_of(job: Job) -> int:
    return Job.objects.values_list("position", flat=True).get(pk=job.pk)


def state_of(job: Job) -> str:
    return Job.objects.values_list("state", flat=True).get(pk=job.pk)


@pytest.mark.parametrize("killed", ["before_the_rows_are_done", "before_the_position_moves"])
def test_job_whose_worker_is_killed_is_gone_on_with_and_each_row_done_once(
    deployment, desk, lock, killed
):
    worker = deployment.start_worker("first")
    tasks = open_tasks()

    # The second chunk waits for its first row, which is ours until then.
    with lock("SELECT FROM accounts_task WHERE id = %s FOR UPDATE", tasks[CHUNK]) as row:
        job = finish_all(desk, tasks[0])
        wait_until(
            lambda: position_of(job) >= CHUNK and row.is_waited_for(), 30, "the second chunk"
        )
        if killed == "before_the_rows_are_done":
            kill_for_good(deployment, worker)
            row.bury_the_waiting()
        else:
            # The rows are done, and that the position moves has to wait.
            with lock("LOCK TABLE base_job IN SHARE MODE") as position:
                row.release()
                wait_until(position.is_waited_for, 30, "the end of the second chunk")
                kill_for_good(deployment, worker)
                position.bury_the_waiting()
    done_by_the_first = Task.objects.filter(state=TaskState.DONE).count()
    # The broker forgets what it was told: only the sweep is left.
    deployment.broker.flush()
    deployment.start_worker("second")
    deployment.start_beat()
    wait_until(lambda: state_of(job) != JobState.WAITING, 30, "the end of the job")

    assert done_by_the_first == CHUNK
    job.refresh_from_db()
    assert (job.state, job.done, job.refused, job.failures) == (JobState.DONE, TASKS, 0, 0)
    finished = Task.objects.filter(state=TaskState.DONE, result=RESULT, done_by=desk.user)
    assert finished.count() == TASKS
    noted = TimelineEvent.objects.filter(kind=TimelineKind.TASK_DONE, actor=desk.user)
    assert sorted(noted.values_list("facts__task", flat=True)) == tasks
    history = Task.pgh_event_model.objects.filter(
        pgh_context__metadata__contains={"user": desk.user.pk, "job": job.pk}
    )
    assert sorted(history.values_list("pgh_obj_id", flat=True)) == tasks
    assert f"{TASKS} of {TASKS} rows" in desk.get(f"/desk/base/job/{job.pk}/progress/")


def kill_for_good(deployment, worker) -> None:
    deployment.supervisor.let_go(worker)
    worker.kill()
