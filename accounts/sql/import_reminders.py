"""What an import decides about renewal reminders: it never mails."""

from datetime import date, datetime

from accounts.sql.expressions import DAY_OF_IMPORT
from accounts.sql.import_staging import run

_CREATE = "CREATE TEMPORARY TABLE import_decided (id bigint PRIMARY KEY)"

# A reminder of the current term that somebody else sent. A longer term is announced in its last
# year only.
_NOTE_EARLIER_REMINDERS = """
WITH noted AS (
    INSERT INTO accounts_renewalreminder AS reminder
        (contract_id, renewal_date, step, state, due_on, decided_on, decided_at)
    SELECT contract.id, contract.renewal_date, 1, 'done_before',
        coalesce(contract.remind_on, held.due_on), staged.reminded_on, %(at)s
    FROM import_row AS staged
    JOIN accounts_contract AS contract
        ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
    LEFT JOIN accounts_renewalreminder AS held
        ON held.contract_id = contract.id AND held.renewal_date = contract.renewal_date
            AND held.step = 1 AND held.state = 'held'
    WHERE staged.reminded_on < contract.renewal_date
        AND staged.reminded_on
            >= contract.renewal_date - make_interval(months => least(contract.term_months, 12))
        AND (contract.remind_on IS NOT NULL OR held.id IS NOT NULL)
    ON CONFLICT (contract_id, renewal_date, step) DO UPDATE
        SET state = excluded.state, decided_on = excluded.decided_on,
            decided_at = excluded.decided_at
        WHERE reminder.state = 'held'
    RETURNING contract_id
)
INSERT INTO import_decided (id) SELECT contract_id FROM noted
"""

# Only reminders that this import brought about: one that was outstanding before is the planner's.
_HOLD_LATE_REMINDERS = f"""
WITH held AS (
    INSERT INTO accounts_renewalreminder
        (contract_id, renewal_date, step, state, due_on, decided_on, decided_at)
    SELECT contract.id, contract.renewal_date, 1, 'held', contract.remind_on, today.day, %(at)s
    FROM import_touched AS touched
    JOIN accounts_contract AS contract ON contract.id = touched.id
    JOIN accounts_account AS account ON account.id = contract.account_id
    CROSS JOIN LATERAL (SELECT {DAY_OF_IMPORT} AS day) AS today
    WHERE contract.remind_on < today.day
        AND contract.remind_on IS DISTINCT FROM touched.remind_on_before
        AND NOT EXISTS (SELECT FROM import_decided AS decided WHERE decided.id = contract.id)
    ON CONFLICT (contract_id, renewal_date, step) DO NOTHING
    RETURNING contract_id
)
INSERT INTO import_decided (id) SELECT contract_id FROM held
"""


def create_decided() -> None:
    """The table `import_decided`: contracts about whose reminder the import has decided."""
    run(_CREATE)


def note_earlier_reminders(*, at: datetime) -> int:
    """Count outstanding and held reminders as done where the feed says so (`reminded_on`).

    Plan: hash join of the staged rows with contracts, look-ups of reminders.
    """
    return run(_NOTE_EARLIER_REMINDERS, at=at)


def hold_late_reminders(*, as_of: date, at: datetime) -> int:
    """Hold the reminders whose day had passed before the contract came in or changed: before
    `as_of`, or before the customer's own day where that is later.

    Plan: hash joins of the touched contracts with contracts and accounts.
    """
    return run(_HOLD_LATE_REMINDERS, as_of=as_of, at=at)
