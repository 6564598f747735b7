"""Deeds done to many rows: at once where they are few, else worked off in chunks by workers."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any

import pghistory
import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cxcrm.base.deeds import deed_named
from cxcrm.base.enums import JobState
from cxcrm.base.errors import DomainError
from cxcrm.base.logs import fault_facts
from cxcrm.base.models import Job, JobRefusal
from cxcrm.base.queue import after_commit

logger = structlog.get_logger(__name__)

WORK_OFF_JOBS = "base.work_off_jobs"
# So many are done while the browser waits.
AT_ONCE = 200
CHUNK = 1_000
# The ids of one job lie in one row.
MOST = 1_000_000
# So many failures of the same chunk in a row stop a job: it would fail for ever.
FAILURES = 5


class NothingChosen(DomainError):
    code = "nothing_chosen"


class TooManyChosen(DomainError):
    code = "too_many_chosen"


class DeedNotAllowed(DomainError):
    code = "deed_not_allowed"


def start_job(
    *, deed: str, ids: Sequence[int], parameters: Mapping[str, Any], at: datetime, actor
) -> Job:
    """Do a deed to these rows: up to `AT_ONCE` now, more of them by workers after the commit.

    Answers the job, which knows how far it is and what was refused. Raises UnknownDeed,
    DeedNotAllowed, NothingChosen, TooManyChosen; then nothing is done.
    """
    if not actor.has_perm(deed_named(deed).permission):
        raise DeedNotAllowed(_("You may not do this."))
    chosen = list(dict.fromkeys(ids))
    if not chosen:
        raise NothingChosen(_("Nothing is chosen."))
    if len(chosen) > MOST:
        raise TooManyChosen(_("No more than 1,000,000 rows at a time: narrow the list."))
    with transaction.atomic():
        job = Job.objects.create(
            deed=deed,
            parameters=json.loads(DjangoJSONEncoder().encode(dict(parameters))),
            subject_ids=chosen,
            total=len(chosen),
            started_by=actor,
            started_at=at,
        )
        if len(chosen) <= AT_ONCE:
            _work_off(job, chosen, at)
        else:
            after_commit(WORK_OFF_JOBS)
    return job


def work_off_jobs(*, at: datetime, seconds: float = 20) -> int:
    """Work off waiting jobs for about that long; answers how many rows that were.

    Chunk by chunk, the job that has got least far first. What a chunk did and how far the job is
    commit together, under a lock on the job: a worker that dies leaves nothing half done, and two
    of them take different jobs. A chunk that fails is tried again in the next turn, a few times.
    Where jobs are left over at the end of a turn, the bell is rung for another.
    """
    began, worked_off, failed = monotonic(), 0, set[int]()
    while monotonic() - began < seconds:
        chunk = _work_off_next(at, failed)
        if chunk is None:
            return worked_off
        worked_off += chunk
    after_commit(WORK_OFF_JOBS)
    return worked_off


def _work_off_next(at: datetime, failed: set[int]) -> int | None:
    """How many rows the next chunk had; None where no job waits that nobody else works at."""
    job = None
    try:
        with transaction.atomic():
            job = (
                Job.objects.select_for_update(skip_locked=True, of=["self"])
                .select_related("started_by")
                .defer("subject_ids")
                .filter(state=JobState.WAITING)
                .exclude(pk__in=failed)
                .order_by("position", "id")
                .first()
            )
            if job is None:
                return None
            piece = f"subject_ids__{job.position}_{job.position + CHUNK}"
            chunk = Job.objects.values_list(piece, flat=True).get(pk=job.pk)
            with translation.override(job.started_by.language):
                _work_off(job, chunk, at)
            return len(chunk)
    except Exception as error:
        if job is None:
            raise
        logger.error("job_chunk_failed", job=job.pk, position=job.position, **fault_facts(error))
        failed.add(job.pk)
        _note_failure(job.pk, at)
        return 0


def _work_off(job: Job, chunk: Sequence[int], at: datetime) -> None:
    actor, deed = job.started_by, deed_named(job.deed)
    if not actor.has_perm(deed.permission):
        _finish(job, JobState.STOPPED, at, problem=_("You may not do this any more."))
        return
    with pghistory.context(user=actor.pk, job=job.pk):
        outcome = deed.act(ids=chunk, at=at, actor=actor, **job.parameters)
    JobRefusal.objects.bulk_create(
        JobRefusal(job=job, subject_id=subject_id, reason=str(refusal))
        for subject_id, refusal in outcome.refused.items()
    )
    job.position += len(chunk)
    job.refused += len(outcome.refused)
    job.failures = 0
    if job.position == job.total:
        _finish(job, JobState.DONE, at)
    else:
        job.save(update_fields=["position", "refused", "failures"])


def _finish(job: Job, state: JobState, at: datetime, *, problem: str | Promise = "") -> None:
    job.state, job.finished_at, job.problem = state, at, str(problem)
    job.save(update_fields=["position", "refused", "failures", "state", "finished_at", "problem"])


def _note_failure(job_id: int, at: datetime) -> None:
    with transaction.atomic():
        job = (
            Job.objects.select_for_update(of=["self"])
            .select_related("started_by")
            .defer("subject_ids")
            .get(pk=job_id)
        )
        job.failures += 1
        if job.failures < FAILURES:
            job.save(update_fields=["failures"])
            return
        with translation.override(job.started_by.language):
            problem = _("An unexpected error came up again and again.")
            _finish(job, JobState.STOPPED, at, problem=problem)
