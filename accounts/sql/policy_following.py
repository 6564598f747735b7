"""Who follows the policies, and which of them have been followed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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


def policy_versions() -> dict[int, str]:
    """What each policy is at this moment: the transaction that wrote it last, by id. Whoever
    changes a step writes its policy, too. Plan: scan of the few policies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, xmin::text FROM accounts_reminderpolicy")
        return dict(cursor.fetchall())


def mark_policies_followed(*, versions: Mapping[int, str], at: datetime) -> None:
    """Note that the contracts follow the policies as they were; one that has changed since is
    still to be followed. Plan: scan of the few policies."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE accounts_reminderpolicy AS policy SET followed_at = %(at)s
            FROM unnest(%(ids)s::bigint[], %(versions)s::text[]) AS seen (id, version)
            WHERE policy.id = seen.id AND policy.xmin::text = seen.version
            """,
            {"ids": list(versions), "versions": list(versions.values()), "at": at},
        )


def last_contract_id() -> int:
    """The highest id of a contract. Plan: the last entry of the primary key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM accounts_contract")
        return cursor.fetchone()[0]
