"""Set-based statements over addresses, permissions and outgoing mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection


@dataclass(frozen=True)
class Claim:
    """A mail that this worker may send for as long as `attempt` is the row's own."""

    id: int
    kind: str
    subject_id: int
    address_id: int
    language: str
    planned_at: datetime
    attempt: int
    uncertain: int


def insert_mails(
    *,
    kind: str,
    subject_ids: Sequence[int],
    occasions: Sequence[str],
    account_ids: Sequence[int | None],
    address_ids: Sequence[int],
    languages: Sequence[str],
    at: datetime,
) -> int:
    """Queue one mail per position; what is on its way already stays as it is. Answers the number.

    The conflict target repeats the condition of the index `mail_once_while_it_lives`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO outbox_outgoingmail (
                kind, subject_id, occasion, account_id, address_id, language, state,
                planned_at, due_at, attempt, uncertain,
                worker, outcome, subject_line, template_version
            )
            SELECT %(kind)s, subject_id, occasion, account_id, address_id, language, 'queued',
                %(at)s, statement_timestamp(), 0, 0, '', '', '', ''
            FROM unnest(
                %(subject_ids)s::bigint[], %(occasions)s::text[], %(account_ids)s::bigint[],
                %(address_ids)s::bigint[], %(languages)s::text[]
            ) AS request (subject_id, occasion, account_id, address_id, language)
            ON CONFLICT (kind, subject_id, occasion)
                WHERE state IN ('queued', 'claimed', 'sending')
                DO NOTHING
            """,
            {
                "kind": kind,
                "subject_ids": list(subject_ids),
                "occasions": list(occasions),
                "account_ids": list(account_ids),
                "address_ids": list(address_ids),
                "languages": list(languages),
                "at": at,
            },
        )
        return cursor.rowcount


def claim_due_mails(*, worker: str, lease_seconds: int, limit: int) -> list[Claim]:
    """Take the mails that are due longest, and leases that ran out, for `lease_seconds`.

    A row found in `sending` was begun by a worker that never told the end of it: the relay may
    have the mail, so it counts as uncertain.

    Plan: LockRows over an Index Scan of `mail_due` with `due_at` as its condition, which needs a
    clock that stands still during the statement (`statement_timestamp`); then one look-up by
    primary key per row. Materialized, or the planner may lock more rows than the limit.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS MATERIALIZED (
                SELECT id, due_at
                FROM outbox_outgoingmail
                WHERE state IN ('queued', 'claimed', 'sending')
                    AND due_at <= statement_timestamp()
                ORDER BY due_at, id
                LIMIT %(limit)s
                FOR UPDATE SKIP LOCKED
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
            SELECT id, kind, subject_id, address_id, language, planned_at, attempt, uncertain
            FROM claimed
            ORDER BY was_due_at, id
            """,
            {"worker": worker, "lease_seconds": lease_seconds, "limit": limit},
        )
        return [Claim(*row) for row in cursor.fetchall()]


def insert_addresses(addresses: Sequence[str]) -> dict[str, int]:
    """The id of each address as given; those that are not there yet are added, normalised.

    Two statements: the first waits for others who add the same address, the second sees theirs.
    Sorted, so that two that add the same addresses do not wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO outbox_mailaddress (address, bounce_reason)
            SELECT DISTINCT lower(trim(given)), ''
            FROM unnest(%(given)s::text[]) AS given
            WHERE NOT EXISTS (
                SELECT FROM outbox_mailaddress WHERE address = lower(trim(given))
            )
            ORDER BY 1
            ON CONFLICT (address) DO NOTHING
            """,
            {"given": list(addresses)},
        )
        cursor.execute(
            """
            SELECT given, known.id
            FROM unnest(%(given)s::text[]) AS given
            JOIN outbox_mailaddress AS known ON known.address = lower(trim(given))
            """,
            {"given": list(addresses)},
        )
        return dict(cursor.fetchall())


def upsert_permissions(
    *,
    address_ids: Sequence[int],
    mail_classes: Sequence[str],
    bases: Sequence[str],
    sources: Sequence[str],
    granted: Sequence[datetime],
) -> int:
    """Write permissions, the latest of each address and class; an objection stays in force.

    Answers how many rows were written: none where nothing is new.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO outbox_mailpermission AS known
                (address_id, mail_class, basis, source, granted_at)
            SELECT DISTINCT ON (address_id, mail_class)
                address_id, mail_class, basis, source, granted_at
            FROM unnest(
                %(address_ids)s::bigint[], %(mail_classes)s::text[], %(bases)s::text[],
                %(sources)s::text[], %(granted)s::timestamptz[]
            ) AS given (address_id, mail_class, basis, source, granted_at)
            ORDER BY address_id, mail_class, granted_at DESC
            ON CONFLICT (address_id, mail_class) DO UPDATE
                SET basis = excluded.basis,
                    source = excluded.source,
                    granted_at = excluded.granted_at
                WHERE (known.basis, known.source, known.granted_at)
                    IS DISTINCT FROM (excluded.basis, excluded.source, excluded.granted_at)
            """,
            {
                "address_ids": list(address_ids),
                "mail_classes": list(mail_classes),
                "bases": list(bases),
                "sources": list(sources),
                "granted": list(granted),
            },
        )
        return cursor.rowcount


def upsert_objection(*, address_id: int, mail_class: str, at: datetime) -> None:
    """Note an objection, also where there was no permission; the first one keeps its time."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO outbox_mailpermission AS known
                (address_id, mail_class, basis, source, objected_at)
            VALUES (%(address_id)s, %(mail_class)s, '', '', %(at)s)
            ON CONFLICT (address_id, mail_class) DO UPDATE
                SET objected_at = excluded.objected_at
                WHERE known.objected_at IS NULL
            """,
            {"address_id": address_id, "mail_class": mail_class, "at": at},
        )
