"""Places among the mails to a provider that is sent to slowly."""

from collections.abc import Collection

from django.db import connection


def take_next_place(domain: str) -> float | None:
    """Take the next free place; answers in how many seconds it comes, None without a limit.

    Places lie 60 s / limit apart. One conditional update by the database's clock, so that
    processes on several hosts get different places.

    Plan: one row by the unique index on `domain`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE outbox_recipientdomain
            SET next_slot_at = greatest(next_slot_at, statement_timestamp())
                + make_interval(secs => 60.0 / mails_per_minute)
            WHERE domain = %(domain)s
            RETURNING extract(epoch FROM
                next_slot_at - make_interval(secs => 60.0 / mails_per_minute)
                - statement_timestamp())::float
            """,
            {"domain": domain},
        )
        row = cursor.fetchone()
    return row[0] if row else None


def give_places_back(domains: Collection[str]) -> int:
    """Let the mails to these domains that wait for their places come at once, without them;
    answers how many.

    Plan: `mail_due`, which holds what is on its way and no more, and one look-up per address. For
    a change at the desk, not for daily work.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE outbox_outgoingmail AS mail
            SET has_slot = false, due_at = statement_timestamp()
            FROM outbox_mailaddress AS address
            WHERE mail.state = 'queued'
                AND mail.has_slot
                AND address.id = mail.address_id
                AND split_part(address.address, '@', 2) = ANY(%(domains)s)
            """,
            {"domains": list(domains)},
        )
        return cursor.rowcount
