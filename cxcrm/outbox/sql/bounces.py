"""What came back of mails."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection


def most_soft_bounces(*, address_id: int, days: int) -> int:
    """How many mails to an address bounced softly within so many days, at the worst time since it
    was brought back. Of one mail many may tell, and servers do not tell in order.

    Plan: Index Scan by the index of the foreign key `address_id`, whose rows are few.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(max(mails), 0)
            FROM (
                SELECT count(*) OVER (
                    ORDER BY first_at
                    RANGE BETWEEN make_interval(days => %(days)s) PRECEDING AND CURRENT ROW
                ) AS mails
                FROM (
                    SELECT min(bounce.occurred_at) AS first_at
                    FROM outbox_mailbounce AS bounce
                    JOIN outbox_mailaddress AS address ON address.id = bounce.address_id
                    WHERE bounce.address_id = %(address_id)s
                        AND bounce.kind = 'soft'
                        AND bounce.occurred_at > coalesce(address.revived_at, '-infinity')
                    GROUP BY coalesce(bounce.mail_id, -bounce.id)
                ) AS mail
            ) AS near
            """,
            {"address_id": address_id, "days": days},
        )
        [most] = cursor.fetchone()
    return most


def mark_mail_bounced(*, mail_id: int, at: datetime, noted_kinds: Sequence[str]) -> None:
    """Say of a mail that it came back; the first time is kept. Kinds whose app takes note of
    ends have to be told again.

    Plan: one row by primary key.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE outbox_outgoingmail
            SET bounced_at = coalesce(bounced_at, %(at)s),
                is_noted = is_noted AND kind <> ALL (%(noted_kinds)s::text[])
            WHERE id = %(mail_id)s
            """,
            {"mail_id": mail_id, "at": at, "noted_kinds": list(noted_kinds)},
        )
