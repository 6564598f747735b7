"""Reminders that a server has decided whose database was lost."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from accounts.sql.renewals import DUE_COLUMNS, STEPS_OF_DUE

# As the planner finds what is due, at the moment of the loss. Of several steps whose day had come
# the last alone is held. It counts as decided on its day, for that is what the lost server did.
_HOLD = f"""
WITH due AS MATERIALIZED (
    SELECT {DUE_COLUMNS}, contract.state, contract.renewal_date, contract.term_months, today.day,
        false AS is_overtaken
    FROM accounts_contract AS contract
    JOIN accounts_account AS account ON account.id = contract.account_id
    JOIN accounts_product AS product ON product.id = contract.product_id
    CROSS JOIN LATERAL (SELECT (%(until)s AT TIME ZONE account.time_zone)::date AS day) AS today
    WHERE contract.remind_on <= (%(until)s AT TIME ZONE 'Etc/GMT-14')::date
        AND contract.remind_on <= today.day
    ORDER BY contract.remind_on, contract.id
    LIMIT %(limit)s
    FOR UPDATE OF contract
), {STEPS_OF_DUE}, claimed AS (
    UPDATE accounts_contract AS contract
    SET remind_on = later.remind_on, remind_step = later.number
    FROM due
    LEFT JOIN (
        SELECT DISTINCT ON (contract_id) contract_id, remind_on, number
        FROM step
        WHERE remind_on > day
        ORDER BY contract_id, remind_on, number
    ) AS later ON later.contract_id = due.id
    WHERE contract.id = due.id
), held AS (
    INSERT INTO accounts_renewalreminder
        (contract_id, renewal_date, step, state, due_on, decided_on, decided_at, policy_id,
        earliest_on, latest_on, is_clash)
    SELECT contract_id, renewal_date, number,
        CASE row_number() OVER (
                PARTITION BY contract_id ORDER BY remind_on DESC, number DESC
            )
            WHEN 1 THEN 'held' ELSE 'left_out'
        END,
        remind_on, remind_on, %(at)s, policy_id, earliest_on, latest_on, is_clash
    FROM step
    WHERE remind_on <= day
    ON CONFLICT (contract_id, renewal_date, step) DO NOTHING
    RETURNING state
)
SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM held WHERE state = 'held')
"""


@dataclass(frozen=True, slots=True)
class LostReminders:
    """`claimed`: how many contracts were looked at, `held`: of how many the reminder is held."""

    claimed: int
    held: int


def hold_due_reminders(*, until: datetime, at: datetime, limit: int) -> LostReminders:
    """Hold the reminders of up to `limit` contracts that were due at `until`, oldest first, and
    take them off the contracts, which get the day of their next step.

    Plan: range scan of `contract_to_remind`, then look-ups of account, product and reminders; the
    few policies and steps are scanned for each contract.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, {"until": until, "at": at, "limit": limit})
        return LostReminders(*cursor.fetchone())
