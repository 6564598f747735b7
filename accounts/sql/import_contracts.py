"""Merges staged rows into contracts: their terms, ends and prices, and what follows from them.

Each statement writes only what is new or different. Column names come from the tables below,
never from input.
"""

from collections.abc import Collection, Iterator
from datetime import date, datetime

from accounts.sql.expressions import DAY_OF_IMPORT
from accounts.sql.import_cancellations import DESK_DECIDES
from accounts.sql.import_merging import MergeCounts, listed, mapped
from accounts.sql.import_staging import count, read_batches, run

# Our columns, by the field of the feed that fills them.
CONTRACT_COLUMNS = {
    "account_number": "account_id",
    "product_code": "product_id",
    "concluded_on": "concluded_on",
    "starts_on": "starts_on",
    "first_term_months": "first_term_months",
    "after_term": "after_term",
    "renewal_term_months": "renewal_term_months",
    "notice_months": "notice_months",
    "notice_days": "notice_days",
    "ends_on": "ends_on",
    "price": "price",
    "renewal_price": "renewal_price",
    "tax_rate": "tax_rate",
    "currency": "currency",
    "billing_period_months": "billing_period_months",
    "is_trial": "is_trial",
}

_STATE = f"""
CASE
    WHEN {{is_withdrawn}} THEN 'withdrawn'
    WHEN {{ends_on}} < {DAY_OF_IMPORT} THEN 'ended'
    WHEN {{starts_on}} > {DAY_OF_IMPORT} THEN 'ordered'
    ELSE 'running'
END
"""
_IS_WITHDRAWN = (
    "(staged.cancellation_kind = 'withdrawal' AND staged.cancelled_on IS NOT NULL "
    "AND staged.ends_on IS NOT NULL AND NOT staged.end_is_kept)"
)

_JOIN_ACCOUNT_AND_PRODUCT = """
JOIN accounts_account AS account
    ON account.brand_id = staged.brand AND account.external_id = staged.account_number
JOIN accounts_product AS product
    ON product.brand_id = staged.brand AND product.code = staged.product_code
"""

# What is about to change, as it was; locked, so that it stays what it was.
_TOUCH = f"""
CREATE TEMPORARY TABLE import_touched AS
SELECT contract.id, false AS is_new, staged.line, said.is_withdrawn, {{found}},
    contract.account_id AS account_before, contract.remind_on AS remind_on_before,
    contract.ends_on AS ends_on_before,
    contract.price AS price_before, contract.currency AS currency_before,
    CASE WHEN contract.is_trial THEN 0 ELSE contract.yearly_value END AS yearly_value_before
FROM import_row AS staged
{{joins}}
JOIN accounts_contract AS contract
    ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
CROSS JOIN LATERAL (
    SELECT {{is_withdrawn}} AND contract.state IN ('ordered', 'running') AND NOT {DESK_DECIDES}
        AS is_withdrawn
) AS said
WHERE said.is_withdrawn OR ROW ({{targets}}) IS DISTINCT FROM ROW ({{values}})
FOR NO KEY UPDATE OF contract
"""

# The clock may have moved the state on since: only new dates give a new state, or a withdrawal.
_CHANGE = """
UPDATE accounts_contract AS contract
SET ({columns}) = ROW ({values}),
    state = CASE
        WHEN contract.state = 'withdrawn'
            OR NOT touched.is_withdrawn AND (contract.starts_on, contract.ends_on)
                IS NOT DISTINCT FROM ({starts_on}, {ends_on})
        THEN contract.state
        ELSE {state}
    END
FROM import_touched AS touched
JOIN import_row AS staged ON staged.line = touched.line
JOIN accounts_account AS account ON account.id = touched.account_id
WHERE contract.id = touched.id
"""

_ADD = """
WITH added AS (
    INSERT INTO accounts_contract (brand_id, external_id, state, {columns})
    SELECT staged.brand, staged.contract_number, {state}, {values}
    FROM import_row AS staged
    {joins}
    WHERE NOT EXISTS (
        SELECT FROM accounts_contract AS existing
        WHERE existing.brand_id = staged.brand AND existing.external_id = staged.contract_number
    )
    ORDER BY staged.line
    ON CONFLICT (external_id, brand_id) DO NOTHING
    RETURNING id, account_id
), noted AS (
    INSERT INTO accounts_timelineevent
        (account_id, contract_id, kind, occurred_at, actor_id, facts)
    SELECT account_id, id, 'contract_added', %(at)s, %(actor_id)s,
        jsonb_build_object('import', %(run_id)s)
    FROM added
)
INSERT INTO import_touched (id, is_new, account_id) SELECT id, true, account_id FROM added
"""

_NOTE_ENDS = """
INSERT INTO accounts_timelineevent (account_id, contract_id, kind, occurred_at, actor_id, facts)
SELECT contract.account_id, contract.id,
    CASE WHEN contract.ends_on IS NULL THEN 'contract_end_taken_back' ELSE 'contract_end_set' END,
    %(at)s, %(actor_id)s,
    jsonb_build_object(
        'ends_on', coalesce(contract.ends_on, touched.ends_on_before), 'import', %(run_id)s
    )
FROM import_touched AS touched
JOIN accounts_contract AS contract ON contract.id = touched.id
WHERE NOT touched.is_new AND contract.ends_on IS DISTINCT FROM touched.ends_on_before
"""

# What a contract was worth until the feed, and in which currency. Of several changes on one day
# the first knows what was before.
_NOTE_PRICES = """
INSERT INTO accounts_pricechange AS known (contract_id, effective_on, price, reason,
    price_before, yearly_value_before, currency_before, applied_at, created_at, created_by_id)
SELECT contract.id, %(as_of)s, contract.price, 'feed', touched.price_before,
    touched.yearly_value_before, touched.currency_before, %(at)s, %(at)s, %(actor_id)s
FROM import_touched AS touched
JOIN accounts_contract AS contract ON contract.id = touched.id
WHERE NOT touched.is_new
    AND (
            contract.price, contract.currency,
            CASE WHEN contract.is_trial THEN 0 ELSE contract.yearly_value END
        ) IS DISTINCT FROM (
            touched.price_before, touched.currency_before, touched.yearly_value_before
        )
ON CONFLICT (contract_id, effective_on) DO UPDATE
    SET price = excluded.price, reason = excluded.reason,
        price_before = coalesce(known.price_before, excluded.price_before),
        yearly_value_before = coalesce(known.yearly_value_before, excluded.yearly_value_before),
        currency_before = coalesce(nullif(known.currency_before, ''), excluded.currency_before),
        applied_at = coalesce(known.applied_at, excluded.applied_at)
"""

_DROP_PROMOTION_ENDS = """
DELETE FROM accounts_pricechange AS known
USING import_row AS staged, accounts_contract AS contract
WHERE contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
    AND known.contract_id = contract.id
    AND known.reason = 'promotion_ends'
    AND known.applied_at IS NULL
    AND known.effective_on IS DISTINCT FROM staged.promotion_ends_on + 1
"""

# A price of an agent's for the same day stays.
_PLAN_PROMOTION_ENDS = """
INSERT INTO accounts_pricechange AS known
    (contract_id, effective_on, price, reason, created_at, created_by_id)
SELECT contract.id, staged.promotion_ends_on + 1, staged.price_after_promotion, 'promotion_ends',
    %(at)s, %(actor_id)s
FROM import_row AS staged
JOIN accounts_contract AS contract
    ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
WHERE staged.promotion_ends_on >= %(as_of)s AND contract.state IN ('ordered', 'running')
ON CONFLICT (contract_id, effective_on) DO UPDATE SET price = excluded.price
    WHERE known.reason = 'promotion_ends' AND known.applied_at IS NULL
        AND known.price <> excluded.price
"""

_GATHER_TOUCHED_ACCOUNTS = """
CREATE TEMPORARY TABLE import_account_touched AS
SELECT account_id AS id FROM import_touched
UNION
SELECT account_before FROM import_touched WHERE account_before IS NOT NULL
"""


def merge_contracts(
    *, fields: Collection[str], run_id: int, actor_id: int | None, as_of: date, at: datetime
) -> MergeCounts:
    """Merge contracts of accounts and products that are there already, without computed dates.

    Those added or changed stand in `import_touched`; new ones are noted on the timeline. The
    state follows from start and end as of `as_of`, or of the customer's day where that is later.
    Plan: hash joins by account, product and contract, and by line.
    """
    columns = mapped(CONTRACT_COLUMNS, fields)
    is_withdrawn = _IS_WITHDRAWN if "cancelled_on" in fields else "false"
    ends_on = "staged.ends_on" if "ends_on" in columns else "contract.ends_on"
    run(
        _TOUCH.format(
            found="account.id AS account_id, product.id AS product_id",
            joins=_JOIN_ACCOUNT_AND_PRODUCT,
            is_withdrawn=is_withdrawn,
            targets=listed(columns.values(), "contract"),
            values=listed(map(_found_value, columns)),
        )
    )
    changed = _change_touched(
        columns=listed(columns.values()),
        values=listed(map(_touched_value, columns)),
        starts_on="staged.starts_on",
        ends_on=ends_on,
        as_of=as_of,
        at=at,
    )
    added = run(
        _ADD.format(
            columns=listed(CONTRACT_COLUMNS.values()),
            values=listed(map(_found_value, CONTRACT_COLUMNS)),
            state=_STATE.format(
                is_withdrawn=is_withdrawn, starts_on="staged.starts_on", ends_on="staged.ends_on"
            ),
            joins=_JOIN_ACCOUNT_AND_PRODUCT,
        ),
        run_id=run_id,
        actor_id=actor_id,
        as_of=as_of,
        at=at,
    )
    run("ANALYZE import_touched")
    staged = count("SELECT count(*) FROM import_row")
    return MergeCounts(added, changed, staged - added - changed)


def merge_ends(*, as_of: date, at: datetime) -> int:
    """Give contracts that rows name by number the last day of the row; answer how many changed.

    Plan: hash join by contract number, then look-ups by line.
    """
    run(
        _TOUCH.format(
            found="contract.account_id",
            joins="",
            is_withdrawn=_IS_WITHDRAWN,
            targets="contract.ends_on",
            values="staged.ends_on",
        )
    )
    changed = _change_touched(
        columns="ends_on",
        values="staged.ends_on",
        starts_on="contract.starts_on",
        ends_on="staged.ends_on",
        as_of=as_of,
        at=at,
    )
    run("ANALYZE import_touched")
    return changed


def note_ends(*, run_id: int, actor_id: int | None, at: datetime) -> int:
    """Note on the timeline the ends that the merge set or took back. Plan: join by id."""
    return run(_NOTE_ENDS, run_id=run_id, actor_id=actor_id, at=at)


def note_prices(*, as_of: date, actor_id: int | None, at: datetime) -> int:
    """Keep what the contracts cost and were worth until now where the merge changed the price,
    its currency or billing period, or a trial. Plan: join by id."""
    return run(_NOTE_PRICES, as_of=as_of, actor_id=actor_id, at=at)


def plan_promotion_ends(*, as_of: date, actor_id: int | None, at: datetime) -> int:
    """Plan the price after a promotion that the feed says; forget those that it says no more.

    Plan: hash join of the staged rows with contracts, look-ups of price changes.
    """
    dropped = run(_DROP_PROMOTION_ENDS)
    return dropped + run(_PLAN_PROMOTION_ENDS, as_of=as_of, actor_id=actor_id, at=at)


def count_fractional_prices() -> int:
    return count("SELECT count(*) FROM import_row WHERE price <> trunc(price)")


def touched_accounts(*, batch: int) -> Iterator[list[int]]:
    """The accounts of the contracts that the merge added, changed or moved, in batches."""
    run(_GATHER_TOUCHED_ACCOUNTS)
    run("ALTER TABLE import_account_touched ADD PRIMARY KEY (id)")
    for rows in read_batches(table="import_account_touched", columns="", batch=batch):
        yield [account_id for (account_id,) in rows]


def _change_touched(
    *,
    columns: str,
    values: str,
    starts_on: str,
    ends_on: str,
    as_of: date,
    at: datetime,
) -> int:
    run("ALTER TABLE import_touched ADD PRIMARY KEY (id)")
    return run(
        _CHANGE.format(
            columns=columns,
            values=values,
            starts_on=starts_on,
            ends_on=ends_on,
            state=_STATE.format(
                is_withdrawn="touched.is_withdrawn", starts_on=starts_on, ends_on=ends_on
            ),
        ),
        as_of=as_of,
        at=at,
    )


def _found_value(field: str) -> str:
    found = {"account_number": "account.id", "product_code": "product.id"}
    return found.get(field, f"staged.{field}")


def _touched_value(field: str) -> str:
    found = {"account_number": "touched.account_id", "product_code": "touched.product_id"}
    return found.get(field, f"staged.{field}")
