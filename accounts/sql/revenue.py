"""Recurring revenue of any day: of one account, of the company, and what follows from it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from accounts.sql.expressions import YEARLY_VALUE

# What one unit of a currency is worth in the reporting currency on a day; NULL where no rate
# says. `currency` and `day` are expressions; needs the parameter `reporting_currency`.
RATE_ON = """(
    CASE WHEN {currency} = %(reporting_currency)s THEN 1 ELSE (
        SELECT rate.rate
        FROM accounts_exchangerate AS rate
        WHERE rate.currency = {currency} AND rate.valid_from <= {day}
        ORDER BY rate.valid_from DESC
        LIMIT 1
    ) END
)"""

_PRICE_AHEAD = YEARLY_VALUE.format(price="ahead.price", months="contract.billing_period_months")
_PRICE_RENEWED = YEARLY_VALUE.format(
    price="contract.renewal_price", months="contract.billing_period_months"
)

# One row for each contract that counts on a day: started, not past its end, neither withdrawn nor
# a trial, with its yearly value on that day. `of_contracts` narrows the tables beside it and
# `of_account` the contracts: one account's rows are looked up, all of them hashed.
_VALUED = f"""
SELECT contract.brand_id, contract.account_id, contract.currency,
    coalesce(
        later.yearly_value_before,
        CASE
            WHEN contract.renewal_price IS NOT NULL AND contract.renewal_date <= %(day)s
                AND coalesce(ahead.effective_on <= contract.renewal_date, TRUE)
            THEN {_PRICE_RENEWED}
        END,
        {_PRICE_AHEAD},
        contract.yearly_value
    ) AS yearly_value,
    coalesce(notice.was_given, FALSE)
        -- Where an end came without a cancellation nobody knows since when it is known.
        OR (contract.ends_on IS NOT NULL AND %(day)s >= %(ends_known_from)s
            AND notice.stands IS NOT TRUE) AS is_under_notice
FROM accounts_contract AS contract
LEFT JOIN (
    -- The price until the first change after the day is that of the day.
    SELECT DISTINCT ON (contract_id) contract_id, yearly_value_before
    FROM accounts_pricechange
    WHERE applied_at IS NOT NULL AND effective_on > %(day)s
        {{of_contracts}}
    ORDER BY contract_id, effective_on
) AS later ON later.contract_id = contract.id
LEFT JOIN (
    -- On a day to come what is announced for it is in force.
    SELECT DISTINCT ON (contract_id) contract_id, effective_on, price
    FROM accounts_pricechange
    WHERE applied_at IS NULL AND effective_on <= %(day)s
        {{of_contracts}}
    ORDER BY contract_id, effective_on DESC
) AS ahead ON ahead.contract_id = contract.id
LEFT JOIN (
    SELECT contract_id,
        bool_or(taken_back_at IS NULL) AS stands,
        bool_or(
            (received_at AT TIME ZONE account.time_zone)::date <= %(day)s
            AND coalesce((taken_back_at AT TIME ZONE account.time_zone)::date > %(day)s, TRUE)
        ) AS was_given
    FROM accounts_cancellation AS cancellation
    JOIN accounts_contract AS cancelled ON cancelled.id = cancellation.contract_id
    JOIN accounts_account AS account ON account.id = cancelled.account_id
    WHERE TRUE
        {{of_contracts}}
    GROUP BY contract_id
) AS notice ON notice.contract_id = contract.id
WHERE contract.starts_on <= %(day)s
    AND (contract.ends_on IS NULL OR contract.ends_on >= %(day)s)
    AND contract.state <> 'withdrawn'
    AND NOT contract.is_trial
    {{of_account}}
"""
_VALUED_OF_ALL = _VALUED.format(of_contracts="", of_account="")
_VALUED_OF_ACCOUNT = _VALUED.format(
    of_contracts="""AND contract_id IN (
            SELECT id FROM accounts_contract WHERE account_id = %(account_id)s
        )""",
    of_account="AND contract.account_id = %(account_id)s",
)

_OF_ACCOUNT = f"""
SELECT currency, sum(yearly_value), coalesce(sum(yearly_value) FILTER (WHERE is_under_notice), 0)
FROM ({_VALUED_OF_ACCOUNT}) AS valued
GROUP BY currency
ORDER BY sum(yearly_value) DESC, currency
"""

_CLAIM = """
INSERT INTO accounts_revenueday (day, recorded_at)
SELECT %(day)s, %(at)s
-- Who finds another run at it does not wait: it may take minutes.
WHERE pg_try_advisory_xact_lock(%(lock)s)
ON CONFLICT (day) DO NOTHING
RETURNING day
"""
_LOCK = 2_026_112_203

_GATHER = f"""
CREATE TEMPORARY TABLE gathered_revenue AS
SELECT brand_id, account_id, currency, sum(yearly_value) AS arr,
    coalesce(sum(yearly_value) FILTER (WHERE is_under_notice), 0) AS arr_under_notice,
    count(*) AS contracts
FROM ({_VALUED_OF_ALL}) AS valued
WHERE yearly_value > 0
GROUP BY brand_id, account_id, currency
"""

_RECORD = """
WITH outdated AS (
    DELETE FROM accounts_dailyrevenue AS figure
    WHERE figure.day_id = %(day)s AND NOT EXISTS (
        SELECT FROM gathered_revenue AS gathered
        WHERE gathered.brand_id = figure.brand_id AND gathered.currency = figure.currency
    )
)
INSERT INTO accounts_dailyrevenue
    (day_id, brand_id, currency, arr, arr_under_notice, contracts, accounts)
SELECT %(day)s, brand_id, currency, sum(arr), sum(arr_under_notice), sum(contracts),
    count(*) FILTER (WHERE currency = first_currency)
FROM gathered_revenue
JOIN (
    SELECT account_id, min(currency) AS first_currency FROM gathered_revenue GROUP BY account_id
) AS holder USING (account_id)
GROUP BY brand_id, currency
ON CONFLICT (day_id, brand_id, currency) DO UPDATE
SET arr = EXCLUDED.arr, arr_under_notice = EXCLUDED.arr_under_notice,
    contracts = EXCLUDED.contracts, accounts = EXCLUDED.accounts
"""

_MISSING_RATES = f"""
SELECT brand_id, currency
FROM (SELECT DISTINCT brand_id, currency FROM gathered_revenue) AS used
WHERE {RATE_ON.format(currency="used.currency", day="%(day)s")} IS NULL
ORDER BY currency, brand_id
"""

_REFRESH_ARR = f"""
WITH rate AS MATERIALIZED (
    SELECT used.currency, {RATE_ON.format(currency="used.currency", day="%(day)s")} AS rate
    FROM (SELECT DISTINCT currency FROM gathered_revenue) AS used
), worth AS (
    SELECT account_id, round(sum(arr * rate.rate), 4) AS arr, bool_or(rate.rate IS NULL) AS lacks
    FROM gathered_revenue
    JOIN rate USING (currency)
    GROUP BY account_id
), fresh AS (
    SELECT account.id, coalesce(worth.arr, 0) AS arr
    FROM accounts_account AS account
    LEFT JOIN worth ON worth.account_id = account.id
    WHERE worth.lacks IS NOT TRUE AND account.arr <> coalesce(worth.arr, 0)
)
UPDATE accounts_account AS account SET arr = fresh.arr FROM fresh WHERE account.id = fresh.id
"""

_FLAG_HIGH_VALUE = """
WITH ranked AS (
    SELECT id,
        rank() OVER (PARTITION BY brand_id ORDER BY arr DESC)
            <= greatest(ceil(%(share)s * count(*) OVER (PARTITION BY brand_id)), 1) AS is_high
    FROM accounts_account
    WHERE arr > 0
), flagged AS (
    SELECT account.id, coalesce(ranked.is_high, FALSE) AS is_high_value
    FROM accounts_account AS account
    LEFT JOIN ranked ON ranked.id = account.id
    WHERE account.brand_id <> ALL(%(left_out)s)
        AND account.is_high_value <> coalesce(ranked.is_high, FALSE)
)
UPDATE accounts_account AS account SET is_high_value = flagged.is_high_value
FROM flagged
WHERE account.id = flagged.id
"""


@dataclass(frozen=True, slots=True)
class MissingRate:
    brand_id: int
    currency: str


def revenue_of_account(
    *, account_id: int, day: date, ends_known_from: date
) -> list[tuple[str, Decimal, Decimal]]:
    """Currency, ARR and ARR under notice of an account on a day, past or to come, most first.

    From `ends_known_from` on a contract whose end came without a cancellation counts as under
    notice. Plan: contracts, price changes and cancellations by index, a handful of rows each.
    """
    return _rows(
        _OF_ACCOUNT, {"account_id": account_id, "day": day, "ends_known_from": ends_known_from}
    )


def claim_revenue_day(*, day: date, at: datetime) -> bool:
    """Take it on to record a day, in the caller's transaction; False where it is recorded or
    another run is at it. Plan: one look-up by primary key."""
    return bool(_rows(_CLAIM, {"day": day, "at": at, "lock": _LOCK}))


@contextmanager
def gathered_revenue(*, day: date, ends_known_from: date) -> Iterator[None]:
    """The revenue of all accounts on a day, for the functions below to read, in a table that is
    gone after the block; needs a transaction.

    Plan: one scan of the contracts, hash joins of the price changes after the day and of the
    cancellations, one hash aggregate.
    """
    with connection.cursor() as cursor:
        _run_on_all(_GATHER, {"day": day, "ends_known_from": ends_known_from})
        cursor.execute("ANALYZE gathered_revenue")
        yield
        cursor.execute("DROP TABLE gathered_revenue")


def record_gathered_revenue(*, day: date) -> None:
    """Keep the figures of a day by brand and currency. An account counts once, under the first of
    its currencies. Plan: two scans of the gathered rows, one hash join."""
    _run(_RECORD, {"day": day})


def missing_rates(*, day: date) -> list[MissingRate]:
    """The currencies of gathered revenue that no rate covers. Plan: scan of the gathered rows."""
    return [MissingRate(*row) for row in _rows(_MISSING_RATES, _with_currency(day))]


def refresh_account_arr(*, day: date) -> int:
    """Bring the ARR of all accounts up to date, in the reporting currency; those that lack a rate
    stay as they are. Answers how many changed.

    Plan: scan of the accounts, hash join of the gathered rows, look-ups of those that differ.
    """
    return _run_on_all(_REFRESH_ARR, _with_currency(day))


def flag_high_value(*, share: Decimal, left_out: Sequence[int]) -> int:
    """Mark the accounts whose ARR is among the highest `share` of their brand, at least one, ties
    included; brands `left_out` stay as they are. Answers how many changed.

    Plan: two scans of the accounts, one sort of those with revenue.
    """
    return _run_on_all(_FLAG_HIGH_VALUE, {"share": share, "left_out": list(left_out)})


def _with_currency(day: date) -> dict[str, Any]:
    return {"day": day, "reporting_currency": settings.CXCRM_REPORTING_CURRENCY}


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _run(statement: str, parameters: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def _run_on_all(statement: str, parameters: dict[str, Any]) -> int:
    """For statements that read whole tables: where these were filled a moment ago they look empty
    to the planner, which would join all their rows one by one."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(statement, parameters)
        changed = cursor.rowcount
        cursor.execute("SET LOCAL enable_nestloop = on")
        return changed
