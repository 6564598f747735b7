"""What an import decides about renewal reminders: it never mails."""

from datetime import date, datetime

from django.db import connection

from accounts.sql.expressions import DAY_OF_IMPORT
from accounts.sql.import_merging import CONTRACTS_OF_MOVED
from accounts.sql.import_staging import count, run
from accounts.sql.policies import IS_UNDECIDED, RENEWAL, STEPS

# Feeds of accounts or products touch no contract else.
_CREATE_TOUCHED = """
CREATE TEMPORARY TABLE IF NOT EXISTS import_touched (
    id bigint PRIMARY KEY, is_new boolean, account_id bigint, remind_on_before date
)
"""

_TOUCH_MOVED = f"""
INSERT INTO import_touched (id, is_new, account_id, remind_on_before)
SELECT contract.id, false, contract.account_id, contract.remind_on
FROM accounts_contract AS contract
WHERE contract.id IN ({CONTRACTS_OF_MOVED})
ON CONFLICT (id) DO NOTHING
"""

_CREATE = "CREATE TEMPORARY TABLE import_decided (id bigint PRIMARY KEY)"

_NAMES = {"contract": "contract", "account": "account", "product": "product"}
_STEPS = STEPS.format(**_NAMES)
# Of ends an import decides nothing: what has passed is not planned in the first place.
_RENEWAL = RENEWAL.format(
    renewal_date="contract.renewal_date",
    term_months="contract.term_months",
    has_ended="false",
    day="contract.ends_on",
    **_NAMES,
)

# A reminder of the current term that somebody else sent. A longer term is announced in its last
# year only. It stands for the first step and for each that was due by then, but for none whose
# lawful window it came before; one that came after it has told the customer, too, but too late.
_NOTE_EARLIER_REMINDERS = f"""
WITH noted AS (
    INSERT INTO accounts_renewalreminder AS reminder
        (contract_id, renewal_date, step, state, due_on, decided_on, decided_at, policy_id,
        earliest_on, latest_on)
    SELECT step.contract_id, step.renewal_date, step.number, 'done_before', step.remind_on,
        step.reminded_on, %(at)s, step.policy_id, step.earliest_on, step.latest_on
    FROM (
        SELECT contract.id AS contract_id, contract.renewal_date, staged.reminded_on, step.*,
            min(step.remind_on) OVER (PARTITION BY contract.id) AS first_on
        FROM import_row AS staged
        JOIN accounts_contract AS contract
            ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
        JOIN accounts_account AS account ON account.id = contract.account_id
        JOIN accounts_product AS product ON product.id = contract.product_id
        CROSS JOIN LATERAL {_RENEWAL} AS renewal
        CROSS JOIN LATERAL {_STEPS} AS step
        WHERE staged.reminded_on < contract.renewal_date
            AND staged.reminded_on
                >= contract.renewal_date - make_interval(months => least(contract.term_months, 12))
    ) AS step
    WHERE step.remind_on <= greatest(step.reminded_on, step.first_on)
        AND (step.earliest_on IS NULL OR step.reminded_on >= step.earliest_on)
    ON CONFLICT (contract_id, renewal_date, step) DO UPDATE
        SET state = excluded.state, decided_on = excluded.decided_on,
            decided_at = excluded.decided_at
        WHERE reminder.state = 'held'
    RETURNING contract_id
)
INSERT INTO import_decided (id) SELECT DISTINCT contract_id FROM noted
"""

# Only reminders that this import brought about: one that was outstanding before is the planner's.
# Of several steps whose day has passed the last alone is held.
_HOLD_LATE_REMINDERS = f"""
WITH held AS (
    INSERT INTO accounts_renewalreminder
        (contract_id, renewal_date, step, state, due_on, decided_on, decided_at, policy_id,
        earliest_on, latest_on, is_clash)
    SELECT contract.id, contract.renewal_date, step.number,
        CASE row_number() OVER (
                PARTITION BY contract.id ORDER BY step.remind_on DESC, step.number DESC
            )
            WHEN 1 THEN 'held' ELSE 'left_out'
        END,
        step.remind_on, today.day, %(at)s, step.policy_id, step.earliest_on, step.latest_on,
        step.is_clash
    FROM import_touched AS touched
    JOIN accounts_contract AS contract ON contract.id = touched.id
    JOIN accounts_account AS account ON account.id = contract.account_id
    JOIN accounts_product AS product ON product.id = contract.product_id
    CROSS JOIN LATERAL (SELECT {DAY_OF_IMPORT} AS day) AS today
    CROSS JOIN LATERAL {_RENEWAL} AS renewal
    CROSS JOIN LATERAL {_STEPS} AS step
    WHERE contract.remind_on < today.day
        AND contract.remind_on IS DISTINCT FROM touched.remind_on_before
        AND step.remind_on < today.day
        AND {IS_UNDECIDED.format(contract="contract")}
    ON CONFLICT (contract_id, renewal_date, step) DO NOTHING
    RETURNING contract_id, state
), decided AS (
    INSERT INTO import_decided (id) SELECT DISTINCT contract_id FROM held ON CONFLICT DO NOTHING
)
SELECT FROM held WHERE state = 'held'
"""


def touch_contracts_of_moved() -> None:
    """Let contracts follow whose account or product the import has moved to another policy or
    day: they count as touched. They have been locked since before that, so they are what they
    were.

    Plan: look-ups of contracts by account and product, hash joins where many have moved.
    """
    run(_CREATE_TOUCHED)
    # To the planner an empty table is one of which it knows nothing: it would read all contracts.
    if count("SELECT count(*) FROM import_moved") and run(_TOUCH_MOVED):
        run("ANALYZE import_touched")


def create_decided() -> None:
    """The table `import_decided`: contracts about whose reminder the import has decided."""
    run(_CREATE)


def note_earlier_reminders(*, at: datetime) -> int:
    """Count outstanding and held reminders as done where the feed says so (`reminded_on`).
    Answers for how many contracts.

    Plan: hash join of the staged rows with contracts, look-ups of reminders.
    """
    return run(_NOTE_EARLIER_REMINDERS, at=at)


def decided_contracts() -> set[int]:
    """The contracts about whose reminder the import has decided. Plan: one scan of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM import_decided")
        return {contract_id for (contract_id,) in cursor}


def hold_late_reminders(*, as_of: date, at: datetime) -> int:
    """Hold the reminders whose day had passed before the contract came in or changed: before
    `as_of`, or before the customer's own day where that is later.

    Plan: hash joins of the touched contracts with contracts, accounts and products.
    """
    return run(_HOLD_LATE_REMINDERS, as_of=as_of, at=at)
