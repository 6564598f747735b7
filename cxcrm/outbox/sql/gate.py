"""The gate as SQL, for planners that decide about many mails at once, and its daily cap.

The first three answer fragments to paste; their arguments are SQL expressions, written by us.
`cxcrm.outbox.services.gate` says the same of one mail, and is asked again before each is sent; a
test holds the two against each other on random data.
"""

from datetime import date

from django.conf import settings
from django.db import connection

from cxcrm.base.quiet_hours import parse_quiet_hours


def stopped_for(*, address: str, mail_class: str) -> str:
    """Why no mail of a class may go to the address in the alias `address`; NULL if it may.

    For a service mail nothing is looked up. Else one look-up by the unique index on address and
    class for each row.
    """
    return f"""(
        CASE
            WHEN {address}.bounced_at IS NOT NULL THEN 'address_bounced'
            WHEN {mail_class} = 'service' THEN NULL
            WHEN {address}.complained_at IS NOT NULL THEN 'complained'
            ELSE (
                SELECT coalesce(min(
                    CASE WHEN objected_at IS NULL THEN '' ELSE 'objected' END
                ), 'no_permission')
                FROM outbox_mailpermission AS permission
                WHERE permission.address_id = {address}.id
                    AND permission.mail_class = {mail_class}
            )
        END
    )"""


def next_place(*, address: str, mail_class: str, mail_id: str, moment: str, time_zone: str) -> str:
    """When its owner's day is over on which another mail that is no service mail has gone to the
    address in the alias `address`; NULL where the daily cap keeps nothing back at `moment`."""
    today = f"({moment} AT TIME ZONE {time_zone})::date"
    return f"""(
        CASE
            WHEN {mail_class} <> 'service'
                AND {address}.capped_on BETWEEN {today} AND {today} + 1
                AND {address}.capped_mail_id IS DISTINCT FROM {mail_id}
            THEN ({address}.capped_on + 1)::timestamp AT TIME ZONE {time_zone}
        END
    )"""


def sendable_from(*, moment: str, time_zone: str, useful_until: str, at_any_hour: str) -> str:
    """The first moment from `moment` on that is not among the quiet hours of a zone; `moment`
    itself for what would then come too late, and for what somebody waits for."""
    quiet = parse_quiet_hours(settings.CXCRM_QUIET_HOURS)
    if quiet is None:
        return f"({moment})"
    start, end = f"time '{quiet.start:%H:%M}'", f"time '{quiet.end:%H:%M}'"
    together = "OR" if quiet.start > quiet.end else "AND"
    ends_tomorrow = f"there::time >= {start}" if quiet.start > quiet.end else "false"
    return f"""(
        SELECT CASE
            WHEN {at_any_hour} OR over_at IS NULL OR over_at > {useful_until} THEN {moment}
            ELSE over_at
        END
        FROM (
            SELECT CASE
                WHEN there::time >= {start} {together} there::time < {end}
                THEN (there::date + ({ends_tomorrow})::int + {end}) AT TIME ZONE {time_zone}
            END AS over_at
            FROM (SELECT {moment} AT TIME ZONE {time_zone} AS there) AS wall
        ) AS quiet
    )"""


def take_place(*, address_id: int, mail_id: int, day: date) -> bool:
    """Have this mail be the one of the address's day; False where another one is.

    Days around the world differ by one at most: a later one was played, and holds nothing back.
    The row stays locked until the end of the transaction, in which the mail has to be begun.
    Plan: one row by primary key.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE outbox_mailaddress
            SET capped_on = %(day)s, capped_mail_id = %(mail_id)s
            WHERE id = %(address_id)s
                AND (
                    capped_on IS NULL
                    OR capped_on NOT BETWEEN %(day)s AND %(day)s + 1
                    OR capped_mail_id = %(mail_id)s
                )
            """,
            {"address_id": address_id, "mail_id": mail_id, "day": day},
        )
        return cursor.rowcount == 1
