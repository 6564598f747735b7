"""Price changes whose day has come."""

from datetime import datetime

from django.db import connection

from accounts.sql.expressions import YEARLY_VALUE

_YEARLY_VALUE_BEFORE = YEARLY_VALUE.format(
    price="step.price_before", months="step.billing_period_months"
)

_APPLY = f"""
WITH due AS MATERIALIZED (
    SELECT change.id, change.contract_id, change.effective_on, change.price, change.reason,
        contract.account_id, contract.price AS contract_price, contract.currency,
        contract.billing_period_months, contract.is_trial,
        contract.state = 'withdrawn' OR coalesce(change.effective_on > contract.ends_on, FALSE)
            AS has_lapsed
    FROM accounts_pricechange AS change
    JOIN accounts_contract AS contract ON contract.id = change.contract_id
    JOIN accounts_account AS account ON account.id = contract.account_id
    CROSS JOIN LATERAL (SELECT (%(at)s AT TIME ZONE account.time_zone)::date AS day) AS today
    WHERE change.applied_at IS NULL
        -- Nobody's day is further ahead than that of UTC+14: this bound is what the index serves.
        AND change.effective_on <= (%(at)s AT TIME ZONE 'Etc/GMT-14')::date
        AND change.effective_on <= today.day
        -- A withdrawal can be taken back until its day is over.
        AND (contract.state <> 'withdrawn' OR change.effective_on < today.day)
        -- The price of a renewal that was missed and came before this change goes first.
        AND NOT (contract.state = 'running' AND contract.renewal_price IS NOT NULL
            AND coalesce(contract.renewal_date < change.effective_on, FALSE))
    ORDER BY change.effective_on, change.id
    LIMIT %(limit)s
    FOR UPDATE OF change, contract SKIP LOCKED
), step AS (
    SELECT due.*,
        coalesce(lag(price) OVER in_turn, contract_price) AS price_before,
        lead(id) OVER in_turn IS NULL AS is_last
    FROM due
    WHERE NOT has_lapsed
    WINDOW in_turn AS (PARTITION BY contract_id ORDER BY effective_on)
), removed AS (
    DELETE FROM accounts_pricechange AS change USING due
    WHERE change.id = due.id AND due.has_lapsed
), repriced AS (
    UPDATE accounts_contract AS contract SET price = step.price FROM step
    WHERE contract.id = step.contract_id AND step.is_last AND contract.price <> step.price
), applied AS (
    UPDATE accounts_pricechange AS change
    SET applied_at = %(at)s, price_before = step.price_before,
        yearly_value_before = CASE WHEN step.is_trial THEN 0 ELSE {_YEARLY_VALUE_BEFORE} END,
        currency_before = step.currency
    FROM step
    WHERE change.id = step.id
), noted AS (
    INSERT INTO accounts_timelineevent (account_id, contract_id, kind, occurred_at, facts)
    SELECT account_id, contract_id, 'price_changed', %(at)s,
        jsonb_build_object('effective_on', effective_on, 'price', price::text,
            'price_before', price_before::text, 'currency', currency, 'reason', reason)
    FROM step
    WHERE price <> price_before
)
SELECT id FROM due
"""


def apply_due_price_changes(*, at: datetime, limit: int) -> list[int]:
    """Put up to `limit` price changes in force whose day has come where the customer lives,
    oldest first, several of one contract in turn; answer their ids.

    Each keeps the price and the yearly value until then. Those of contracts that are over by
    their day are removed, so that the index of what is to come stays short. Rows that another run
    holds are left to it.

    Plan: range scan of `price_change_to_come`, look-ups of contract and account by primary key.
    """
    with connection.cursor() as cursor:
        cursor.execute(_APPLY, {"at": at, "limit": limit})
        return [change_id for (change_id,) in cursor.fetchall()]
