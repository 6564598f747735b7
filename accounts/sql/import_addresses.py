"""Addresses and permissions of a feed, on their way to the outbox, which writes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.sql.import_staging import count, read_batches, run

_GATHER_ADDRESSES = """
CREATE TEMPORARY TABLE import_address AS
SELECT row_number() OVER (ORDER BY address) AS id, address
FROM (
    SELECT DISTINCT contact_address AS address
    FROM import_row
    WHERE contact_address IS NOT NULL
) AS staged
WHERE NOT EXISTS (SELECT FROM outbox_mailaddress AS known WHERE known.address = staged.address)
"""

# Where a feed says several things of one address and class, the latest counts.
_GATHER_PERMISSIONS = """
CREATE TEMPORARY TABLE import_permission AS
SELECT row_number() OVER (ORDER BY staged.address_id, staged.mail_class) AS id, staged.*,
    known.basis IS NULL AS is_new,
    (known.basis, known.source, known.granted_at)
        IS DISTINCT FROM (staged.basis, staged.source, staged.since) AS differs
FROM (
    SELECT DISTINCT ON (address.id, given.mail_class)
        address.id AS address_id, given.mail_class, given.basis, given.source, instant.since
    FROM import_row
    CROSS JOIN LATERAL (VALUES {given}) AS given (mail_class, basis, source, since)
    JOIN outbox_mailaddress AS address ON address.address = import_row.contact_address
    JOIN accounts_account AS account
        ON account.brand_id = import_row.brand AND account.external_id = import_row.account_number
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN given.since ~ '[+-][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}})?$'
            THEN given.since::timestamptz
            ELSE given.since::timestamp AT TIME ZONE account.time_zone
        END AS since
    ) AS instant
    WHERE given.basis IS NOT NULL
    ORDER BY address.id, given.mail_class, instant.since DESC, import_row.line
) AS staged
LEFT JOIN outbox_mailpermission AS known
    ON known.address_id = staged.address_id AND known.mail_class = staged.mail_class
"""


@dataclass(frozen=True, slots=True)
class StagedPermission:
    address_id: int
    mail_class: str
    basis: str
    source: str
    since: datetime


def new_addresses(*, batch: int) -> Iterator[list[str]]:
    """The staged addresses that the outbox does not know yet, in batches.

    Plan: anti-join by address, hashed for many; a sort.
    """
    run(_GATHER_ADDRESSES)
    run("ALTER TABLE import_address ADD PRIMARY KEY (id)")
    for rows in read_batches(table="import_address", columns=", address", batch=batch):
        yield [address for _, address in rows]


def gather_permissions(*, mail_classes: Sequence[str]) -> tuple[int, int, int]:
    """Compare the staged permissions with the known ones: how many are new, changed, unchanged.

    A moment without an offset is meant in the time zone of the account, which is there by now.
    Plan: hash join of the staged rows with addresses and accounts, a sort, hash join with
    permissions.
    """
    given = ", ".join(
        f"('{name}', {name}_basis, {name}_source, {name}_since)" for name in mail_classes
    )
    run(_GATHER_PERMISSIONS.format(given=given))
    unchanged = run("DELETE FROM import_permission WHERE NOT differs")
    run("ALTER TABLE import_permission ADD PRIMARY KEY (id)")
    new = count("SELECT count(*) FROM import_permission WHERE is_new")
    return new, count("SELECT count(*) FROM import_permission") - new, unchanged


def differing_permissions(*, batch: int) -> Iterator[list[StagedPermission]]:
    """The gathered permissions that are new or changed, in batches."""
    columns = ", address_id, mail_class, basis, source, since"
    for rows in read_batches(table="import_permission", columns=columns, batch=batch):
        yield [StagedPermission(*row[1:]) for row in rows]
