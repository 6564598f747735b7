"""Queue mails and claim what is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from cxcrm.outbox.sql.gate import sendable_from


@dataclass(frozen=True)
class Claim:
    """A mail that this worker may send for as long as `attempt` is the row's own."""

    id: int
    kind: str
    subject_id: int
    address_id: int
    language: str
    mail_class: str
    time_zone: str
    useful_until: datetime | None
    has_slot: bool
    planned_at: datetime
    attempt: int
    uncertain: int
    was_due_at: datetime


def insert_mails(
    *,
    kind: str,
    mail_class: str,
    is_noted: bool,
    at_any_hour: bool,
    subject_ids: Sequence[int],
    occasions: Sequence[str],
    account_ids: Sequence[int | None],
    address_ids: Sequence[int],
    languages: Sequence[str],
    time_zones: Sequence[str],
    useful_until: Sequence[datetime | None],
    at: datetime,
) -> int:
    """Queue one mail per position; what is on its way already stays as it is. Answers the number.

    What falls among the quiet hours of its zone is not due before they are over, unless it is
    planned ahead of the clock, as days are played in a demo. The conflict target repeats the
    condition of the index `mail_once_while_it_lives`.
    """
    morning = sendable_from(
        moment="%(at)s::timestamptz",
        time_zone="time_zone",
        useful_until="useful_until",
        at_any_hour="(%(at_any_hour)s OR %(at)s > statement_timestamp() + interval '1 hour')",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO outbox_outgoingmail (
                kind, mail_class, is_noted, is_urgent, subject_id, occasion, account_id, address_id,
                language, time_zone, useful_until, state, planned_at, due_at, reason, attempt,
                uncertain, worker, outcome, subject_line, template_version
            )
            SELECT %(kind)s, %(mail_class)s, %(is_noted)s, %(at_any_hour)s, subject_id, occasion,
                account_id, address_id, language, time_zone, useful_until, 'queued', %(at)s,
                statement_timestamp() + (morning - %(at)s),
                CASE WHEN morning > %(at)s THEN 'quiet_hours' ELSE '' END, 0, 0, '', '', '', ''
            FROM unnest(
                %(subject_ids)s::bigint[], %(occasions)s::text[], %(account_ids)s::bigint[],
                %(address_ids)s::bigint[], %(languages)s::text[], %(time_zones)s::text[],
                %(useful_until)s::timestamptz[]
            ) AS request (subject_id, occasion, account_id, address_id, language, time_zone,
                useful_until),
                LATERAL (SELECT {morning} AS morning) AS gate
            ON CONFLICT (kind, subject_id, occasion)
                WHERE state IN ('queued', 'claimed', 'sending')
                DO NOTHING
            """,
            {
                "kind": kind,
                "mail_class": mail_class,
                "is_noted": is_noted,
                "at_any_hour": at_any_hour,
                "subject_ids": list(subject_ids),
                "occasions": list(occasions),
                "account_ids": list(account_ids),
                "address_ids": list(address_ids),
                "languages": list(languages),
                "time_zones": list(time_zones),
                "useful_until": list(useful_until),
                "at": at,
            },
        )
        return cursor.rowcount


def claim_due_mails(*, worker: str, lease_seconds: int, limit: int) -> list[Claim]:
    """Take the mails that are due longest, and leases that ran out, for `lease_seconds`; those
    that somebody waits for before all others.

    A place among the mails to a slow provider that was missed by more than a minute is none any
    more: after a standstill they would all go at once.

    A row found in `sending` was begun by a worker that never told the end of it: the relay may
    have the mail, so it counts as uncertain.

    Plan: LockRows over an Index Scan of `mail_due_urgent`, then over one of `mail_due`, each with
    `due_at` as its condition, which needs a clock that stands still during the statement
    (`statement_timestamp`); then one look-up by primary key per row. Materialized, or the planner
    may lock more rows than the limit. The others have the limit twice: the inner one is known to
    the planner, and the outer one stops at what is left by the urgent ones.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH urgent AS MATERIALIZED (
                SELECT id, due_at
                FROM outbox_outgoingmail
                WHERE is_urgent
                    AND state IN ('queued', 'claimed', 'sending')
                    AND due_at <= statement_timestamp()
                ORDER BY due_at, id
                LIMIT %(limit)s
                FOR UPDATE SKIP LOCKED
            ), others AS MATERIALIZED (
                SELECT id, due_at
                FROM (
                    SELECT id, due_at
                    FROM outbox_outgoingmail
                    WHERE NOT is_urgent
                        AND state IN ('queued', 'claimed', 'sending')
                        AND due_at <= statement_timestamp()
                    ORDER BY due_at, id
                    LIMIT %(limit)s
                    FOR UPDATE SKIP LOCKED
                ) AS longest
                LIMIT %(limit)s - (SELECT count(*) FROM urgent)
            ), due AS (
                SELECT id, due_at FROM urgent
                UNION ALL
                SELECT id, due_at FROM others
            ), claimed AS (
                UPDATE outbox_outgoingmail AS mail
                SET state = 'claimed',
                    due_at = statement_timestamp() + make_interval(secs => %(lease_seconds)s),
                    attempt = mail.attempt + 1,
                    uncertain = mail.uncertain + (mail.state = 'sending')::int,
                    worker = %(worker)s
                FROM due
                WHERE mail.id = due.id
                RETURNING mail.*, due.due_at AS was_due_at
            )
            SELECT id, kind, subject_id, address_id, language, mail_class, time_zone, useful_until,
                has_slot AND was_due_at > statement_timestamp() - interval '1 minute',
                planned_at, attempt, uncertain, was_due_at
            FROM claimed
            ORDER BY is_urgent DESC, was_due_at, id
            """,
            {"worker": worker, "lease_seconds": lease_seconds, "limit": limit},
        )
        return [Claim(*row) for row in cursor.fetchall()]
