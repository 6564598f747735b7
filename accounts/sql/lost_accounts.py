"""Which accounts have lost their last contract, when, and what that was worth a year."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from accounts.sql.revenue import RATE_ON

_RATE = RATE_ON.format(currency="value.currency", day="due.lost_on")

_REFRESH = f"""
WITH known AS (
    SELECT contract.account_id,
        bool_or(contract.state IN ('ordered', 'running')) AS lives,
        max(contract.ends_on) FILTER (WHERE contract.state = 'ended') AS last_day
    FROM accounts_contract AS contract
    WHERE %(all)s OR contract.account_id = ANY(%(ids)s)
    GROUP BY contract.account_id
), due AS MATERIALIZED (
    SELECT account.id, account.lost_on AS was_lost_on, found.lost_on
    FROM known
    JOIN accounts_account AS account ON account.id = known.account_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN NOT known.lives THEN known.last_day END AS lost_on
    ) AS found
    WHERE account.lost_on IS DISTINCT FROM found.lost_on
        -- Perhaps the rate that was missing is there by now.
        OR (account.lost_on IS NOT NULL AND account.lost_arr IS NULL)
), valued AS (
    SELECT due.id, due.was_lost_on, due.lost_on, money.arr
    FROM due
    LEFT JOIN LATERAL (
        SELECT CASE WHEN bool_and(worth.arr IS NOT NULL) THEN round(sum(worth.arr), 4) END AS arr
        FROM accounts_contract AS contract
        LEFT JOIN LATERAL (
            -- The price until the first change after the day is that of the day.
            SELECT change.yearly_value_before, change.currency_before
            FROM accounts_pricechange AS change
            WHERE change.contract_id = contract.id
                AND change.applied_at IS NOT NULL
                AND change.effective_on > due.lost_on
            ORDER BY change.effective_on
            LIMIT 1
        ) AS later ON TRUE
        CROSS JOIN LATERAL (
            SELECT coalesce(later.currency_before, contract.currency) AS currency,
                coalesce(
                    later.yearly_value_before,
                    CASE WHEN contract.is_trial THEN 0 ELSE contract.yearly_value END
                ) AS yearly_value
        ) AS value
        CROSS JOIN LATERAL (
            -- What is worth nothing needs no rate.
            SELECT CASE WHEN value.yearly_value = 0 THEN 0 ELSE value.yearly_value * {_RATE} END
                AS arr
        ) AS worth
        WHERE contract.account_id = due.id
            AND contract.state = 'ended'
            AND contract.ends_on = due.lost_on
    ) AS money ON due.lost_on IS NOT NULL
), written AS (
    UPDATE accounts_account AS account
    SET lost_on = valued.lost_on, lost_arr = valued.arr
    FROM valued
    WHERE account.id = valued.id
        AND (account.lost_on, account.lost_arr) IS DISTINCT FROM (valued.lost_on, valued.arr)
    RETURNING account.id, valued.was_lost_on, valued.lost_on
), noted AS (
    INSERT INTO accounts_timelineevent (account_id, kind, occurred_at, facts)
    SELECT id,
        CASE WHEN lost_on IS NULL THEN 'account_won_back' ELSE 'account_lost' END,
        %(at)s,
        jsonb_build_object('lost_on', coalesce(lost_on, was_lost_on))
    FROM written
    WHERE (was_lost_on IS NULL) <> (lost_on IS NULL)
)
SELECT count(*) FILTER (WHERE was_lost_on IS NULL AND lost_on IS NOT NULL),
    count(*) FILTER (WHERE was_lost_on IS NOT NULL AND lost_on IS NULL)
FROM written
"""


@dataclass(frozen=True, slots=True)
class LostAccountCounts:
    lost: int
    won_back: int


def refresh_lost_accounts(*, account_ids: Sequence[int] | None, at: datetime) -> LostAccountCounts:
    """Bring `lost_on` and `lost_arr` up to date and note who was lost or came back.

    `account_ids`: None means all. Lost is an account none of whose contracts is ordered or
    running and at least one has ended: since the greatest of their last days, with what counted
    on that day, in the reporting currency by the rate of that day, else empty. Only rows that
    change are written. Whoever changes states of single contracts holds the account's row lock,
    so that two last contracts that end at once do not miss each other.

    Plan: contracts by `account_id`, accounts and rates by key; over all accounts one pass over
    the contracts in the order of that index, merged with the accounts, and look-ups for those
    that differ.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _REFRESH,
            {
                "all": account_ids is None,
                "ids": [] if account_ids is None else list(account_ids),
                "reporting_currency": settings.CXCRM_REPORTING_CURRENCY,
                "at": at,
            },
        )
        return LostAccountCounts(*cursor.fetchone())
