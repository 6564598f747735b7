"""Who follows the policies, and which of them have been followed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

# Any number that no other lock of ours has.
_FOLLOWING_LOCK = 0x6378_0002


@contextmanager
def following_alone() -> Iterator[bool]:
    """Whether this is the only run that follows the policies; held until the end of the block,
    over all transactions in it. Plan: no table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%(lock)s)", {"lock": _FOLLOWING_LOCK})
        [is_alone] = cursor.fetchone()
    try:
        yield is_alone
    finally:
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%(lock)s)", {"lock": _FOLLOWING_LOCK})


@dataclass(frozen=True, slots=True)
class Behind:
    """Policies that the contracts up to an id follow, and no further."""

    up_to: int
    versions: Mapping[int, str]


def furthest_behind(*, since: datetime) -> Behind | None:
    """The policies that have been followed least, of those that were not followed to the end
    `since` then. Their versions are the transactions that wrote them last, by id: whoever changes
    a step writes its policy, too. Plan: scan of the few policies."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT followed_up_to, array_agg(id), array_agg(xmin::text)
            FROM accounts_reminderpolicy
            WHERE followed_at IS NULL OR followed_at < %(since)s
            GROUP BY followed_up_to
            ORDER BY followed_up_to
            LIMIT 1
            """,
            {"since": since},
        )
        row = cursor.fetchone()
    if not row:
        return None
    up_to, ids, versions = row
    return Behind(up_to, dict(zip(ids, versions, strict=True)))


def mark_policies_followed(
    *, versions: Mapping[int, str], up_to: int, followed_at: datetime | None
) -> None:
    """Note how far the contracts follow the policies as they were, to the end where `followed_at`
    is given; one that has changed since is still to be followed. Plan: scan of the few
    policies."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE accounts_reminderpolicy AS policy
            SET followed_up_to = %(up_to)s,
                followed_at = coalesce(%(followed_at)s, policy.followed_at)
            FROM unnest(%(ids)s::bigint[], %(versions)s::text[]) AS seen (id, version)
            WHERE policy.id = seen.id AND policy.xmin::text = seen.version
            """,
            {
                "ids": list(versions),
                "versions": list(versions.values()),
                "up_to": up_to,
                "followed_at": followed_at,
            },
        )


def last_contract_id() -> int:
    """The highest id of a contract. Plan: the last entry of the primary key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM accounts_contract")
        return cursor.fetchone()[0]
