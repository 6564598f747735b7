"""Ends of mails that the app above has not taken note of."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection


@dataclass(frozen=True)
class Ending:
    """How a mail ended. `relay` is set where it was accepted, `bounced_at` where it came back."""

    mail_id: int
    subject_id: int
    state: str
    reason: str
    finished_at: datetime
    relay: str
    outcome: str
    bounced_at: datetime | None


def mark_endings_noted(*, kind: str, limit: int) -> list[Ending]:
    """Mark up to `limit` ends of a kind as noted, oldest mail first, and answer them.

    Rows that another transaction is marking are passed over.

    Plan: LockRows over an Index Scan of `mail_to_note` with `kind` as its condition, then one
    look-up by primary key per row. Materialized, or the planner may lock more than the limit.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH over AS MATERIALIZED (
                SELECT id
                FROM outbox_outgoingmail
                WHERE kind = %(kind)s
                    AND state IN ('accepted', 'suppressed', 'failed')
                    AND NOT is_noted
                ORDER BY id
                LIMIT %(limit)s
                FOR UPDATE SKIP LOCKED
            ), noted AS (
                UPDATE outbox_outgoingmail AS mail
                SET is_noted = true
                FROM over
                WHERE mail.id = over.id
                RETURNING mail.id, mail.subject_id, mail.state, mail.reason, mail.finished_at,
                    mail.relay, mail.outcome, mail.bounced_at
            )
            SELECT * FROM noted ORDER BY id
            """,
            {"kind": kind, "limit": limit},
        )
        return [Ending(*row) for row in cursor.fetchall()]
