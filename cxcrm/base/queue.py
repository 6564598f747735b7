"""Rings the bell for a worker once the transaction is committed."""

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = structlog.get_logger(__name__)


def after_commit(name: str, **ids: int) -> None:
    """Queue the task `name` when the current transaction commits; nothing if it rolls back.

    A broker that is away costs the hint, never the work: what matters is a row that a sweep
    finds. `name` is a constant beside the calling service; ids are the only arguments.
    """
    transaction.on_commit(lambda: _publish(name, ids))


def _publish(name: str, ids: dict[str, int]) -> None:
    try:
        current_app.send_task(name, kwargs=ids)
    except OperationalError as error:
        logger.warning("hint_not_queued", task=name, error=type(error).__name__)
