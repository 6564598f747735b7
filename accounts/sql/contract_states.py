"""What the clock does to contracts: they start, renew and end on their days."""

from datetime import date, datetime

from django.db import connection

from accounts.sql.expressions import YEARLY_VALUE

# Each statement is bounded twice: by the day of UTC+14, further ahead than which nobody's day is
# and which the index serves, and by the account's own day.

_START = """
WITH due AS (
    SELECT contract.id
    FROM accounts_contract AS contract
    JOIN accounts_account AS account ON account.id = contract.account_id
    WHERE contract.state = 'ordered'
        AND contract.starts_on <= (%(at)s AT TIME ZONE 'Etc/GMT-14')::date
        AND contract.starts_on <= (%(at)s AT TIME ZONE account.time_zone)::date
    ORDER BY contract.starts_on
    LIMIT %(limit)s
    FOR UPDATE OF contract SKIP LOCKED
), started AS (
    UPDATE accounts_contract AS contract SET state = 'running' FROM due
    WHERE contract.id = due.id
    RETURNING contract.id, contract.account_id, contract.starts_on
)
INSERT INTO accounts_timelineevent (account_id, contract_id, kind, occurred_at, facts)
SELECT account_id, id, 'contract_started', %(at)s, jsonb_build_object('starts_on', starts_on)
FROM started
RETURNING contract_id
"""

_END = """
WITH due AS (
    SELECT contract.id
    FROM accounts_contract AS contract
    JOIN accounts_account AS account ON account.id = contract.account_id
    WHERE contract.state = 'running'
        AND contract.ends_on < (%(at)s AT TIME ZONE 'Etc/GMT-14')::date
        AND contract.ends_on < (%(at)s AT TIME ZONE account.time_zone)::date
    ORDER BY contract.ends_on
    LIMIT %(limit)s
    -- With the account, which may be lost by this; one that others hold waits for the next run.
    FOR NO KEY UPDATE OF contract, account SKIP LOCKED
), ended AS (
    UPDATE accounts_contract AS contract
    SET state = 'ended', renewal_date = NULL, term_months = NULL, remind_on = NULL,
        remind_step = NULL
    FROM due
    WHERE contract.id = due.id
    RETURNING contract.id, contract.account_id, contract.ends_on
), noted AS (
    INSERT INTO accounts_timelineevent (account_id, contract_id, kind, occurred_at, facts)
    SELECT account_id, id, 'contract_ended', %(at)s, jsonb_build_object('ends_on', ends_on)
    FROM ended
)
SELECT id, ends_on FROM ended
"""

_YEARLY_VALUE_BEFORE = YEARLY_VALUE.format(
    price="contract.price", months="contract.billing_period_months"
)

# The next renewal date is computed by refresh_contract_dates right after, in one transaction. A
# price that was announced for the day counts instead of the renewal's, which is then forgotten.
_RENEW = f"""
WITH due AS (
    SELECT contract.id, contract.account_id, contract.renewal_date AS renewed_on,
        contract.term_months, contract.price AS price_before, contract.currency,
        CASE WHEN contract.is_trial THEN 0 ELSE {_YEARLY_VALUE_BEFORE} END AS yearly_value_before,
        CASE
            WHEN NOT EXISTS (
                SELECT FROM accounts_pricechange AS announced
                WHERE announced.contract_id = contract.id
                    AND announced.effective_on = contract.renewal_date
                    AND announced.reason = 'announced'
            )
            THEN contract.renewal_price
        END AS renewal_price
    FROM accounts_contract AS contract
    JOIN accounts_account AS account ON account.id = contract.account_id
    WHERE contract.state = 'running'
        AND contract.renewal_date <= (%(at)s AT TIME ZONE 'Etc/GMT-14')::date
        AND contract.renewal_date <= (%(at)s AT TIME ZONE account.time_zone)::date
        -- A reminder that is still to be decided, which another planner held a moment ago, first.
        AND (contract.remind_on IS NULL
            OR contract.remind_on > (%(at)s AT TIME ZONE account.time_zone)::date)
    ORDER BY contract.renewal_date, contract.id
    LIMIT %(limit)s
    FOR UPDATE OF contract SKIP LOCKED
), renewed AS (
    UPDATE accounts_contract AS contract
    SET price = coalesce(due.renewal_price, contract.price), renewal_price = NULL
    FROM due
    WHERE contract.id = due.id
    RETURNING contract.id, contract.account_id, contract.after_term, due.renewed_on,
        due.term_months
), noted AS (
    -- Rolling contracts renew all the time: no event of their own.
    INSERT INTO accounts_timelineevent (account_id, contract_id, kind, occurred_at, facts)
    SELECT account_id, id,
        CASE after_term WHEN 'renews' THEN 'contract_renewed'
            ELSE 'contract_turned_open_ended' END,
        %(at)s, jsonb_build_object('renewed_on', renewed_on)
    FROM renewed
    WHERE after_term <> 'renews' OR term_months >= 3
), priced AS (
    -- A promotion may have ended on the same day: what was until then is kept from it.
    INSERT INTO accounts_pricechange AS change (contract_id, effective_on, price, reason,
        price_before, yearly_value_before, currency_before, applied_at, created_at)
    SELECT id, renewed_on, renewal_price, 'renewal', price_before, yearly_value_before, currency,
        %(at)s, %(at)s
    FROM due
    WHERE renewal_price <> price_before
    ON CONFLICT (contract_id, effective_on) DO UPDATE
    SET price = EXCLUDED.price,
        reason = EXCLUDED.reason,
        price_before = coalesce(change.price_before, EXCLUDED.price_before),
        yearly_value_before = coalesce(change.yearly_value_before, EXCLUDED.yearly_value_before),
        currency_before = coalesce(nullif(change.currency_before, ''), EXCLUDED.currency_before),
        applied_at = EXCLUDED.applied_at
), price_noted AS (
    INSERT INTO accounts_timelineevent (account_id, contract_id, kind, occurred_at, facts)
    SELECT account_id, id, 'price_changed', %(at)s,
        jsonb_build_object('effective_on', renewed_on, 'price', renewal_price::text,
            'price_before', price_before::text, 'currency', currency, 'reason', 'renewal')
    FROM due
    WHERE renewal_price <> price_before
)
SELECT id, renewed_on FROM renewed
"""


def _run(statement: str, *, at: datetime, limit: int) -> list[int]:
    return [contract_id for (contract_id,) in _rows(statement, at=at, limit=limit)]


def _rows(statement: str, *, at: datetime, limit: int) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"at": at, "limit": limit})
        return cursor.fetchall()


def start_due_contracts(*, at: datetime, limit: int) -> list[int]:
    """Ordered contracts whose first day has come run. Plan: scan of `contract_to_start`."""
    return _run(_START, at=at, limit=limit)


def end_due_contracts(*, at: datetime, limit: int) -> list[tuple[int, date]]:
    """Running contracts whose last day is over have ended. Answers ids and last days; the caller
    refreshes the dates of these contracts as of the day after, in the same transaction.

    Plan: range scan of `contract_under_notice`.
    """
    return _rows(_END, at=at, limit=limit)


def renew_due_contracts(*, at: datetime, limit: int) -> list[tuple[int, date]]:
    """Note the renewal of running contracts whose renewal date has come and put the price from
    then on in force, which is kept as a price change. Answers ids and renewal dates; the caller
    refreshes the dates of these contracts as of those days, in the same transaction.

    Plan: range scan of `contract_to_renew`, look-ups of price changes by contract and day.
    """
    return _rows(_RENEW, at=at, limit=limit)
