"""Which database this is, and what becomes of mails on hold."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

# A logical restore changes the numbers of database and table, a recovery to a point in time the
# timeline, another server the first. The timeline is that of what is written now: the control
# file tells it only after the next checkpoint.
_IDENTITY = """(
    SELECT concat_ws('.',
        (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        'outbox_outgoingmail'::regclass::oid
    )
)"""


@dataclass(frozen=True)
class Hold:
    """The one row of the state of sending, beside the database that it is read from."""

    this_database: str
    identity: str | None
    held_since: datetime | None
    reason: str | None


def read_hold() -> Hold:
    """Plan: one row by primary key, or none, and functions that read no table of ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT this.identity, state.identity, state.held_since, state.hold_reason
            FROM (SELECT {_IDENTITY} AS identity) AS this
            LEFT JOIN outbox_deliverystate AS state ON state.id = 1
            """
        )
        return Hold(*cursor.fetchone())


def insert_identity() -> None:
    """Write down that this database sends, where nothing is written down yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO outbox_deliverystate (id, identity, hold_reason)
            VALUES (1, {_IDENTITY}, '')
            ON CONFLICT (id) DO NOTHING
            """
        )


def upsert_hold(*, reason: str, at: datetime, user_id: int | None) -> bool:
    """Hold all mails; False where they are held already. That this is a copy says more than that
    somebody held them, and replaces it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO outbox_deliverystate AS state
                (id, identity, held_since, hold_reason, changed_at, changed_by_id)
            VALUES (1, {_IDENTITY}, %(at)s, %(reason)s, %(at)s, %(user_id)s)
            ON CONFLICT (id) DO UPDATE
                SET held_since = excluded.held_since,
                    hold_reason = excluded.hold_reason,
                    changed_at = excluded.changed_at,
                    changed_by_id = excluded.changed_by_id
                WHERE state.held_since IS NULL
                    OR (state.hold_reason = 'by_hand' AND excluded.hold_reason <> 'by_hand')
            """,
            {"reason": reason, "at": at, "user_id": user_id},
        )
        return cursor.rowcount == 1


def clear_hold(*, at: datetime, user_id: int | None) -> bool:
    """Let mails leave this database; False where they are not held."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE outbox_deliverystate
            SET identity = {_IDENTITY},
                held_since = NULL,
                hold_reason = '',
                changed_at = %(at)s,
                changed_by_id = %(user_id)s
            WHERE id = 1 AND held_since IS NOT NULL
            """,
            {"at": at, "user_id": user_id},
        )
        return cursor.rowcount == 1


def discard_mails(*, planned_before: datetime, outcome: str, at: datetime) -> int:
    """End all mails on their way that were planned before a moment; answers how many.

    Plan: Bitmap or Index Scan of `mail_due`, which holds the mails on their way and no others.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE outbox_outgoingmail
            SET state = 'suppressed',
                reason = 'discarded',
                outcome = %(outcome)s,
                finished_at = %(at)s
            WHERE state IN ('queued', 'claimed', 'sending') AND planned_at < %(planned_before)s
            """,
            {"planned_before": planned_before, "outcome": outcome, "at": at},
        )
        return cursor.rowcount
