"""Merges staged rows (`import_staging`) into products, accounts and contacts.

Each statement writes only what is new or different. Column names come from the tables below,
never from input.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pgtrigger
from django.db import connection

from accounts.sql.import_staging import run

# Our columns, by the field of the feed that fills them.
PRODUCT_COLUMNS = {"product_name": "name", "product_family": "family"}
OFFER_COLUMNS = {
    name: name
    for name in (
        "on_offer",
        "list_price",
        "promotion_price",
        "promotion_months",
        "tax_rate",
        "currency",
        "billing_period_months",
        "first_term_months",
        "after_term",
        "renewal_term_months",
        "notice_months",
        "notice_days",
        "provisioning_hours",
    )
}
ACCOUNT_COLUMNS = {
    "account_name": "name",
    "customer_kind": "customer_kind",
    "segment": "segment",
    "country": "country",
    "region": "region",
    "language": "language",
    "time_zone": "time_zone",
}
CONTACT_COLUMNS = {
    "contact_name": "name",
    "contact_role": "role",
    "contact_address": "address_id",
    "contact_phone": "phone",
    "contact_language": "language",
}
# What policies and the customers' days go by.
_MOVING_COLUMNS = {"customer_kind", "country", "region", "time_zone", "family"}
LONGEST_WAIT = "5min"
_HISTORY = tuple(
    f"accounts.{model}:update_update"
    for model in ("Account", "Contact", "Product", "Contract", "Cancellation")
)

_GATHER_PRODUCTS = """
CREATE TEMPORARY TABLE import_product AS
SELECT staged.*, product.id
FROM (
    SELECT DISTINCT ON (brand, product_code) line, brand, product_code AS external_id, {columns}
    FROM import_row
    ORDER BY brand, product_code, line
) AS staged
LEFT JOIN accounts_product AS product
    ON product.brand_id = staged.brand AND product.code = staged.external_id
"""

_ADD_PRODUCTS = """
INSERT INTO accounts_product (brand_id, code, {columns})
SELECT brand, external_id, {columns} FROM import_product WHERE id IS NULL ORDER BY line
ON CONFLICT (brand_id, code) DO NOTHING
"""

_GATHER_ACCOUNTS = """
CREATE TEMPORARY TABLE import_account AS
SELECT staged.*, account.id
FROM (
    SELECT DISTINCT ON (brand, account_number) line, brand, account_number AS external_id,
        account_name AS name, customer_kind, segment, country, region, language, time_zone
    FROM import_row
    ORDER BY brand, account_number, line
) AS staged
LEFT JOIN accounts_account AS account
    ON account.brand_id = staged.brand AND account.external_id = staged.external_id
"""

_ADD_ACCOUNTS = """
WITH added AS (
    INSERT INTO accounts_account (brand_id, external_id, name, customer_kind, segment, country,
        region, language, time_zone, created_at)
    SELECT brand, external_id, name, customer_kind, segment, country, region, language, time_zone,
        %(at)s
    FROM import_account
    WHERE id IS NULL
    ORDER BY line
    ON CONFLICT (external_id, brand_id) DO NOTHING
    RETURNING id
)
INSERT INTO accounts_timelineevent (account_id, kind, occurred_at, actor_id, facts)
SELECT id, 'account_added', %(at)s, %(actor_id)s, jsonb_build_object('import', %(run_id)s)
FROM added
"""

# A contact is recognised by its number; a row without one means the contact of its address, and
# without both that of its name, whatever number these have. Of several the
# one of whom least is known.
_GATHER_CONTACTS = """
CREATE TEMPORARY TABLE import_contact AS
SELECT staged.line, staged.account_id, staged.external_id, staged.name, staged.role,
    coalesce(staged.address_id, known.kept_address_id) AS address_id, staged.phone,
    staged.language, known.id
FROM (
    SELECT DISTINCT ON (account.id, staged.contact_key) staged.line, account.id AS account_id,
        staged.contact_number AS external_id, staged.contact_name AS name,
        staged.contact_role AS role, address.id AS address_id, staged.contact_phone AS phone,
        staged.contact_language AS language
    FROM import_row AS staged
    JOIN accounts_account AS account
        ON account.brand_id = staged.brand AND account.external_id = staged.account_number
    LEFT JOIN outbox_mailaddress AS address ON address.address = staged.contact_address
    WHERE staged.contact_key IS NOT NULL
    ORDER BY account.id, staged.contact_key, staged.line
) AS staged
LEFT JOIN LATERAL (
    SELECT contact.id,
        -- Recognised by the name alone, a person keeps the address.
        CASE WHEN staged.external_id = '' THEN contact.address_id END AS kept_address_id
    FROM accounts_contact AS contact
    WHERE contact.account_id = staged.account_id
        AND CASE
            WHEN staged.external_id <> '' THEN contact.external_id = staged.external_id
            WHEN staged.address_id IS NOT NULL THEN contact.address_id = staged.address_id
            ELSE contact.name = staged.name
        END
    ORDER BY contact.address_id IS NOT NULL, contact.external_id <> '', contact.id
    LIMIT 1
) AS known ON true
"""

# The same person with and without a number, or an address, in one feed: what says more counts.
_JOIN_CONTACTS = """
DELETE FROM import_contact AS bare USING import_contact AS other
WHERE other.account_id = bare.account_id
    AND bare.external_id = ''
    AND {are_same}
    AND (other.external_id = '', other.address_id IS NULL, other.line)
        < (bare.external_id = '', bare.address_id IS NULL, bare.line)
"""

_SAME_CONTACTS = (
    "bare.id = other.id",
    "bare.address_id = other.address_id",
    "bare.address_id IS NULL AND bare.name = other.name",
)

_ADD_CONTACTS = """
INSERT INTO accounts_contact (account_id, external_id, name, role, address_id, phone, language)
SELECT account_id, external_id, name, role, address_id, phone, language
FROM import_contact
WHERE id IS NULL
ORDER BY line
ON CONFLICT DO NOTHING
"""

# Accounts and products whose contracts may get other reminders.
_CREATE_MOVED = "CREATE TEMPORARY TABLE import_moved (account_id bigint, product_id bigint)"

# Not locked: contracts come before accounts, as everybody locks them. What another changes in
# between is left to the nightly repair.
_NOTE_MOVED = """
INSERT INTO import_moved ({moved_id})
SELECT target.id
FROM {table} AS target
JOIN {source} AS source ON target.id = source.id
WHERE ROW ({targets}) IS DISTINCT FROM ROW ({values})
"""

# Without the conditions the planner reads all contracts where no product has moved.
CONTRACTS_OF_MOVED = """
SELECT of_account.id FROM import_moved AS moved
JOIN accounts_contract AS of_account USING (account_id)
WHERE moved.account_id IS NOT NULL
UNION
SELECT of_product.id FROM import_moved AS moved
JOIN accounts_contract AS of_product USING (product_id)
WHERE moved.product_id IS NOT NULL
"""

_LOCK_CONTRACTS_OF_MOVED = f"""
SELECT count(*) FROM (
    SELECT FROM accounts_contract AS contract
    WHERE contract.id IN ({CONTRACTS_OF_MOVED})
    ORDER BY contract.id
    FOR NO KEY UPDATE OF contract
) AS locked
"""

_CHANGE = """
UPDATE {table} AS target
SET ({columns}) = ROW ({values})
FROM {source} AS source
WHERE target.id = source.id AND ROW ({targets}) IS DISTINCT FROM ROW ({values})
"""


@dataclass(frozen=True, slots=True)
class MergeCounts:
    added: int
    changed: int
    unchanged: int


def ignore_history(*, ignored: bool) -> None:
    """Write no history of what a load changes, until the transaction ends or `ignored` is False.

    `pgtrigger.ignore` would rewrite every statement and cannot do so where parameters have names.
    """
    triggers = pgtrigger.registered(*_HISTORY) if ignored else []
    names = ",".join(trigger.get_pgid(model) for model, trigger in triggers)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{names}}}"])


def create_moved() -> None:
    """The table `import_moved`: what `merge_products` and `merge_accounts` change in a way that
    changes who is reminded when."""
    run(_CREATE_MOVED)


def wait_for_locks() -> None:
    """Wait for rows that others hold as long as a merge may, until the transaction ends: what is
    read and staged by then is worth more than what a page is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LONGEST_WAIT])


def check_keys_at_once() -> None:
    """Check foreign keys per statement from here on: for millions of rows the list of what is to
    be checked at the end would fill the memory."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def merge_products(*, fields: Collection[str], with_offer: bool) -> MergeCounts:
    """Plan: sort of the staged rows, hash join; `fields` are what the feed says, here as below."""
    columns = PRODUCT_COLUMNS | (OFFER_COLUMNS if with_offer else {})
    gathered = run(
        _GATHER_PRODUCTS.format(
            columns=", ".join(f"{field} AS {column}" for field, column in columns.items())
        )
    )
    _note_moved("product_id", "accounts_product", "import_product", columns, fields)
    changed = _change("accounts_product", "import_product", columns, fields)
    added = run(_ADD_PRODUCTS.format(columns=listed(columns.values())))
    return MergeCounts(added, changed, gathered - added - changed)


def merge_accounts(
    *, fields: Collection[str], run_id: int, actor_id: int | None, at: datetime
) -> MergeCounts:
    """Merge accounts; new ones are noted on their timeline. Plan: sort, hash join."""
    gathered = run(_GATHER_ACCOUNTS)
    _note_moved("account_id", "accounts_account", "import_account", ACCOUNT_COLUMNS, fields)
    changed = _change("accounts_account", "import_account", ACCOUNT_COLUMNS, fields)
    added = run(_ADD_ACCOUNTS, run_id=run_id, actor_id=actor_id, at=at)
    return MergeCounts(added, changed, gathered - added - changed)


def merge_contacts(*, fields: Collection[str]) -> MergeCounts:
    """Merge contacts of accounts and addresses that are there already.

    Plan: hash joins and a sort, then the contacts of each account by their index.
    """
    gathered = run(_GATHER_CONTACTS)
    for are_same in _SAME_CONTACTS:
        gathered -= run(_JOIN_CONTACTS.format(are_same=are_same))
    changed = _change("accounts_contact", "import_contact", CONTACT_COLUMNS, fields)
    added = run(_ADD_CONTACTS)
    return MergeCounts(added, changed, gathered - added - changed)


def _note_moved(
    moved_id: str, table: str, source: str, columns: Mapping[str, str], fields: Collection[str]
) -> None:
    """Note what the merge is about to move, and lock its contracts before it does. Plan: hash
    join; look-ups of contracts by account and product, hash joins where many move."""
    moving = [column for column in mapped(columns, fields).values() if column in _MOVING_COLUMNS]
    if not moving:
        return
    noted = run(
        _NOTE_MOVED.format(
            moved_id=moved_id,
            table=table,
            source=source,
            values=listed(moving, "source"),
            targets=listed(moving, "target"),
        )
    )
    if noted:
        run("ANALYZE import_moved")
        run(_LOCK_CONTRACTS_OF_MOVED)


def _change(table: str, source: str, columns: Mapping[str, str], fields: Collection[str]) -> int:
    written = mapped(columns, fields).values()
    if not written:
        return 0
    return run(
        _CHANGE.format(
            table=table,
            source=source,
            columns=listed(written),
            values=listed(written, "source"),
            targets=listed(written, "target"),
        )
    )


def mapped(columns: Mapping[str, str], fields: Collection[str]) -> dict[str, str]:
    return {field: column for field, column in columns.items() if field in fields}


def listed(columns: Iterable[str], table: str = "") -> str:
    return ", ".join(f"{table}.{column}" if table else column for column in columns)
