"""Deletes what is over for so long that nobody needs it any more."""

from datetime import datetime

from django.db import connection


def delete_old_mails(
    *, before: datetime, after: tuple[datetime | None, int], limit: int
) -> tuple[int, tuple[datetime, int] | None]:
    """Delete up to `limit` finished and noted mails older than `before`, oldest first.

    `after` is where the batch before stopped, for what is not noted yet stays and is not to be
    read again. Answers how many went and where this batch stopped, None at the end.

    Plan: Index Scan of `mail_finished` from the position on; deletes by primary key.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH old AS MATERIALIZED (
                SELECT id, finished_at, is_noted
                FROM outbox_outgoingmail
                WHERE finished_at IS NOT NULL
                    AND finished_at < %(before)s
                    AND (finished_at, id) > (coalesce(%(at)s, '-infinity'::timestamptz), %(id)s)
                ORDER BY finished_at, id
                LIMIT %(limit)s
                FOR UPDATE SKIP LOCKED
            ), gone AS (
                DELETE FROM outbox_outgoingmail AS mail
                USING old
                WHERE mail.id = old.id AND old.is_noted
                RETURNING mail.id
            )
            SELECT (SELECT count(*) FROM gone), finished_at, id
            FROM old
            ORDER BY finished_at DESC, id DESC
            LIMIT 1
            """,
            {"before": before, "at": after[0], "id": after[1], "limit": limit},
        )
        row = cursor.fetchone()
    return (row[0], (row[1], row[2])) if row else (0, None)


def delete_old_bounces(*, before: datetime, limit: int) -> int:
    """Delete up to `limit` bounces older than `before`; answers how many.

    Plan: Index Scan of `mail_bounce_occurred`, deletes by primary key.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM outbox_mailbounce
            WHERE id IN (
                SELECT id
                FROM outbox_mailbounce
                WHERE occurred_at < %(before)s
                ORDER BY occurred_at
                LIMIT %(limit)s
                FOR UPDATE SKIP LOCKED
            )
            """,
            {"before": before, "limit": limit},
        )
        return cursor.rowcount
