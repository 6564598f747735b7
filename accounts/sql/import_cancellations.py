"""Cancellations of a feed. Where the desk and the feed differ about one, the desk counts."""

from collections.abc import Collection
from datetime import datetime

from accounts.sql.import_merging import MergeCounts, listed, mapped
from accounts.sql.import_staging import run

# Our columns, by the field of the feed that fills them.
CANCELLATION_COLUMNS = {
    "cancelled_on": "received_at",
    "cancellation_kind": "kind",
    "cancellation_reason": "reason_id",
    "cancellation_comment": "comment",
}

# Has an agent entered a cancellation that stands, or taken back the one that the feed says?
DESK_DECIDES = """
EXISTS (
    SELECT FROM accounts_cancellation AS known
    WHERE known.contract_id = contract.id
        AND (
            known.taken_back_at IS NULL AND known.origin <> 'feed'
            OR known.taken_back_by_id IS NOT NULL AND known.effective_on = staged.ends_on
        )
)
"""

_DESK_COUNTS = f"""
UPDATE import_row AS staged
SET said_ends_on = staged.ends_on, ends_on = contract.ends_on, end_is_kept = true
FROM accounts_contract AS contract
WHERE contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
    AND contract.ends_on IS DISTINCT FROM staged.ends_on
    AND {{is_said}}
    AND {DESK_DECIDES}
"""

_TAKE_OVER_KNOWN_ENDS = """
UPDATE import_row AS staged SET ends_on = contract.ends_on
FROM accounts_contract AS contract
WHERE contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
    AND staged.ends_on IS NULL
"""

_COLUMNS = """
    staged.line, contract.id AS contract_id, contract.ends_on AS effective_on,
    staged.cancelled_on::timestamp AT TIME ZONE account.time_zone AS received_at,
    staged.cancellation_kind AS kind, staged.cancellation_reason AS reason_id,
    staged.cancellation_comment AS comment
"""

_BY_CONTRACT = f"""
SELECT {_COLUMNS}
FROM import_row AS staged
JOIN accounts_contract AS contract
    ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
JOIN accounts_account AS account ON account.id = contract.account_id
WHERE staged.cancelled_on IS NOT NULL AND NOT staged.end_is_kept AND contract.ends_on IS NOT NULL
"""

_BY_ACCOUNT = f"""
SELECT {_COLUMNS}
FROM import_row AS staged
JOIN accounts_account AS account
    ON account.brand_id = staged.brand AND account.external_id = staged.account_number
JOIN accounts_contract AS contract
    ON contract.account_id = account.id
        AND contract.ends_on = coalesce(staged.ends_on, staged.cancelled_on)
WHERE staged.contract_number IS NULL
"""

# Several rows of a feed may mean one contract: the first counts.
_GATHER = """
CREATE TEMPORARY TABLE import_cancellation AS
SELECT DISTINCT ON (contract_id) * FROM ({found}) AS found ORDER BY contract_id, line
"""

_CHANGE = """
UPDATE accounts_cancellation AS known
SET effective_on = said.effective_on, ({columns}) = ROW ({values})
FROM import_cancellation AS said
WHERE known.contract_id = said.contract_id AND known.taken_back_at IS NULL
    AND known.origin = 'feed'
    AND ROW (known.effective_on, {targets}) IS DISTINCT FROM ROW (said.effective_on, {values})
"""

_ADD = """
INSERT INTO accounts_cancellation (contract_id, kind, origin, received_at, effective_on, reason_id,
    comment, entered_by_id, entered_at, receipt)
SELECT contract_id, kind, 'feed', received_at, effective_on, reason_id, comment, %(actor_id)s,
    %(at)s, '{}'
FROM import_cancellation
ORDER BY line
ON CONFLICT (contract_id) WHERE taken_back_at IS NULL DO NOTHING
"""

# While a cancellation stands, the contract's last day is its effective day.
_FOLLOW_ENDS = """
UPDATE accounts_cancellation AS known
SET effective_on = coalesce(contract.ends_on, known.effective_on),
    taken_back_at = CASE WHEN contract.ends_on IS NULL THEN %(at)s END
FROM import_touched AS touched
JOIN accounts_contract AS contract ON contract.id = touched.id
WHERE NOT touched.is_new
    AND known.contract_id = contract.id
    AND known.taken_back_at IS NULL
    AND known.origin = 'feed'
    AND known.effective_on IS DISTINCT FROM contract.ends_on
"""


def let_desk_count(*, empty_means_none: bool) -> int:
    """Keep the ends that agents have entered, or taken back, from what the feed says instead.

    Such rows take the contract's end over; `said_ends_on` keeps the feed's. `empty_means_none`:
    an empty last day says that there is none. Plan: hash join by contract number, look-ups of
    cancellations by contract.
    """
    is_said = "true" if empty_means_none else "staged.ends_on IS NOT NULL"
    return run(_DESK_COUNTS.format(is_said=is_said))


def take_over_known_ends() -> int:
    """Rows without a last day mean that of their contract. Plan: hash join by contract number."""
    return run(_TAKE_OVER_KNOWN_ENDS)


def follow_ends(*, at: datetime) -> int:
    """Move or take back the feed's cancellations whose contract has another end now, or none.

    Plan: join of the touched contracts by id, look-ups of cancellations by contract.
    """
    return run(_FOLLOW_ENDS, at=at)


def merge_cancellations(
    *, fields: Collection[str], by_account: bool, actor_id: int | None, at: datetime
) -> MergeCounts:
    """Keep the cancellations of a feed, once per contract and as it says them last.

    `by_account`: rows may name an account instead of a contract; then its contracts are meant
    that ended on the day. A cancellation that an agent has entered stays. Plan: hash joins by
    contract and account number, a sort.
    """
    found = f"{_BY_CONTRACT} UNION ALL {_BY_ACCOUNT}" if by_account else _BY_CONTRACT
    gathered = run(_GATHER.format(found=found))
    columns = mapped(CANCELLATION_COLUMNS, fields).values()
    changed = run(
        _CHANGE.format(
            columns=listed(columns),
            values=listed(columns, "said"),
            targets=listed(columns, "known"),
        )
    )
    added = run(_ADD, actor_id=actor_id, at=at)
    return MergeCounts(added, changed, gathered - added - changed)
