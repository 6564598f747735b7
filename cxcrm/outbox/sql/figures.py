"""Counts of mails for those who operate cxcrm, over stretches of indexes that stay short."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection


@dataclass(frozen=True, slots=True)
class QueuedMails:
    """Living mails of a kind that are in the same state for the same reason."""

    kind: str
    state: str
    reason: str
    count: int
    due: int  # of them may go now
    oldest_due_at: datetime


@dataclass(frozen=True, slots=True)
class StoppedMails:
    state: str
    reason: str
    recent: int
    count: int


def queued_mails(*, at: datetime, limit: int) -> list[QueuedMails]:
    """What is on its way, grouped; of more than `limit` those that are due first.

    Plan: HashAggregate over a Limit over an Index Scan of `mail_due`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kind, state, reason, count(*), count(*) FILTER (WHERE due_at <= %(at)s),
                min(due_at)
            FROM (
                SELECT kind, state, reason, due_at
                FROM outbox_outgoingmail
                WHERE state IN ('queued', 'claimed', 'sending')
                ORDER BY due_at, id
                LIMIT %(limit)s
            ) AS living
            GROUP BY kind, state, reason
            ORDER BY kind, state, reason
            """,
            {"at": at, "limit": limit},
        )
        return [QueuedMails(*row) for row in cursor.fetchall()]


def count_accepted(*, since: Sequence[datetime], limit: int) -> list[int]:
    """How many mails the relay has accepted since each moment; of more than `limit` the latest.

    Plan: Aggregate over a Limit over a backward Index Scan of `mail_finished` down to the
    earliest moment.
    """
    counts = ", ".join("count(*) FILTER (WHERE finished_at > %s)" for _ in since)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {counts}
            FROM (
                SELECT finished_at, state
                FROM outbox_outgoingmail
                WHERE finished_at > %s
                ORDER BY finished_at DESC, id DESC
                LIMIT %s
            ) AS ended
            WHERE state = 'accepted'
            """,
            [*since, min(since), limit],
        )
        return list(cursor.fetchone() or ())


def stopped_mails(
    *, kinds: Sequence[str], recently: datetime, since: datetime, limit: int
) -> list[StoppedMails]:
    """What did not go out since a moment, by reason, and how much of it recently.

    Plan: HashAggregate over a Limit over an Index Scan of `mail_not_sent`, a stretch per kind.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT state, reason, count(*) FILTER (WHERE finished_at > %(recently)s), count(*)
            FROM (
                SELECT state, reason, finished_at
                FROM outbox_outgoingmail
                WHERE state IN ('suppressed', 'failed')
                    AND kind = ANY(%(kinds)s)
                    AND finished_at > %(since)s
                LIMIT %(limit)s
            ) AS stopped
            GROUP BY state, reason
            ORDER BY state, count(*) DESC, reason
            """,
            {"kinds": list(kinds), "recently": recently, "since": since, "limit": limit},
        )
        return [StoppedMails(*row) for row in cursor.fetchall()]
