"""Set-based statements over addresses and permissions."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection


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
    """Write permissions, the latest of each address and class. An objection stays in force, and
    a permission that is newer, for it may be the proof of a consent.

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
                    AND (known.granted_at IS NULL OR known.granted_at <= excluded.granted_at)
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


def upsert_objections(
    *, address_id: int, mail_classes: Sequence[str], via: str, at: datetime
) -> None:
    """Note objections, also where there was no permission; the first one keeps its time."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO outbox_mailpermission AS known
                (address_id, mail_class, basis, source, objected_at, objected_via)
            SELECT %(address_id)s, mail_class, '', '', %(at)s, %(via)s
            FROM unnest(%(mail_classes)s::text[]) AS mail_class
            ORDER BY mail_class
            ON CONFLICT (address_id, mail_class) DO UPDATE
                SET objected_at = excluded.objected_at, objected_via = excluded.objected_via
                WHERE known.objected_at IS NULL
            """,
            {
                "address_id": address_id,
                "mail_classes": list(mail_classes),
                "via": via,
                "at": at,
            },
        )
