"""What came back of mails."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection


def count_soft_bounces(*, address_id: int, since: datetime) -> int:
    """How many mails to an address bounced softly since then; of one mail many may tell.

    Plan: Index Scan by the index of the foreign key `address_id`, whose rows are few.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(DISTINCT coalesce(mail_id, -id))
            FROM outbox_mailbounce
            WHERE address_id = %(address_id)s AND kind = 'soft' AND occurred_at > %(since)s
            """,
            {"address_id": address_id, "since": since},
        )
        [count] = cursor.fetchone()
    return count


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
