"""Signs of life that workers and beats leave in the database, for the operators' page."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import structlog
from celery.beat import PersistentScheduler
from django.db import Error, close_old_connections
from django.db.models.functions import Now

from cxcrm.base.enums import ProcessKind
from cxcrm.base.models import ProcessSeen

logger = structlog.get_logger(__name__)

SECONDS_BETWEEN_SIGNS = 15
# A busy machine may be late; several signs in a row are not late but missing.
SILENT_AFTER = timedelta(seconds=90)
FORGOTTEN_AFTER = timedelta(days=1)
MOST_LISTED = 50


def process_name() -> str:
    """`host:pid`: how the traces of a process in the database name it."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}"


class SignsOfLife:
    """What one process of a kind says of itself, every few seconds, at the cost of no error.

    By the database's clock, so that machines agree. Who begins forgets those that fell silent
    long ago; who ends in order takes its own sign away, so that what stays silent has died.
    """

    def __init__(self, kind: ProcessKind) -> None:
        self.kind = kind
        self._next_sign_at: float | None = None

    def give(self) -> None:
        is_first = self._next_sign_at is None
        if self._next_sign_at and monotonic() < self._next_sign_at:
            return
        # Before it is tried: a database that is away is not asked at every heartbeat.
        self._next_sign_at = monotonic() + SECONDS_BETWEEN_SIGNS
        with self._forgiving():
            if is_first:
                ProcessSeen.objects.filter(seen_at__lt=Now() - FORGOTTEN_AFTER).delete()
            ProcessSeen.objects.bulk_create(
                [
                    ProcessSeen(
                        kind=self.kind, name=process_name(), first_seen_at=Now(), seen_at=Now()
                    )
                ],
                update_conflicts=True,
                unique_fields=["kind", "name"],
                # The system gives numbers of dead processes to new ones.
                update_fields=["first_seen_at", "seen_at"] if is_first else ["seen_at"],
            )

    def end(self) -> None:
        self._next_sign_at = None
        with self._forgiving():
            ProcessSeen.objects.filter(kind=self.kind, name=process_name()).delete()

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        close_old_connections()
        try:
            yield
        except Error as error:
            logger.warning("sign_of_life_not_given", kind=self.kind, error=type(error).__name__)


signs_of_worker = SignsOfLife(ProcessKind.WORKER)


def worker_lives(**signal: object) -> None:
    """Celery calls it at each heartbeat: the worker's main loop turns and the broker answers."""
    signs_of_worker.give()


def worker_ends(**signal: object) -> None:
    signs_of_worker.end()


class VisibleScheduler(PersistentScheduler):
    """Beat's own, which says at each turn of its loop that it lives, broker or not."""

    def __init__(self, *args, **kwargs) -> None:
        self.signs = SignsOfLife(ProcessKind.BEAT)
        super().__init__(*args, **kwargs)

    def tick(self, *args, **kwargs) -> float:
        self.signs.give()
        return super().tick(*args, **kwargs)

    def close(self) -> None:
        super().close()
        self.signs.end()


@dataclass(frozen=True)
class SeenProcess:
    kind: ProcessKind
    name: str
    since: datetime
    seen_at: datetime
    is_silent: bool


def processes_seen(*, at: datetime) -> list[SeenProcess]:
    """Workers and beats of the last day, the latest sign first; those that ended are left out."""
    rows = ProcessSeen.objects.filter(seen_at__gt=at - FORGOTTEN_AFTER).order_by("-seen_at", "id")
    return [
        SeenProcess(
            kind=ProcessKind(row.kind),
            name=row.name,
            since=row.first_seen_at,
            seen_at=row.seen_at,
            is_silent=row.seen_at < at - SILENT_AFTER,
        )
        for row in rows[:MOST_LISTED]
    ]
