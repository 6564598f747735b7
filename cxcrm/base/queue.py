"""Rings the bell for a worker once the transaction is committed."""

from dataclasses import dataclass

import structlog
from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError

logger = structlog.get_logger(__name__)


def after_commit(name: str, **ids: int) -> None:
    """Queue the task `name` when the current transaction commits; nothing if it rolls back.

    Once per transaction, however often it is asked for.
    A broker that is away costs the hint, never the work: what matters is a row that a sweep
    finds. `name` is a constant beside the calling service; ids are the only arguments.
    """
    hint = _Hint(name, tuple(ids.items()))
    waiting = [callback for _savepoints, callback, _robust in connection.run_on_commit]
    if hint not in waiting:
        transaction.on_commit(hint)


@dataclass(frozen=True)
class _Hint:
    name: str
    ids: tuple[tuple[str, int], ...]

    def __call__(self) -> None:
        try:
            current_app.send_task(self.name, kwargs=dict(self.ids))
        except OperationalError as error:
            logger.warning("hint_not_queued", task=self.name, error=type(error).__name__)
