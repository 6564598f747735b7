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
from accounts.sql.whole_tables import run_on_all

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
# a trial, with its yearly value and currency on that day. `of_contracts` narrows the tables beside
# it and `of_account` the contracts: one account's rows are looked up, all of them hashed.
_VALUED = f"""
SELECT contract.brand_id, contract.account_id,
    coalesce(later.currency_before, contract.currency) AS currency,
    coalesce(
        later.yearly_value_before,
        CASE
            WHEN contract.renewal_price IS NOT NULL AND contract.renewal_date <= %(day)s
                AND (ahead.effective_on IS NULL OR ahead.effective_on < contract.renewal_date
                    -- On one day an announced price counts, else that of the renewal.
                    OR ahead.effective_on = contract.renewal_date AND ahead.reason <> 'announced')
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
    SELECT DISTINCT ON (contract_id) contract_id, yearly_value_before, currency_before
    FROM accounts_pricechange
    WHERE applied_at IS NOT NULL AND effective_on > %(day)s
        {{of_contracts}}
    ORDER BY contract_id, effective_on
) AS later ON later.contract_id = contract.id
LEFT JOIN (
    -- On a day to come what is announced for it is in force.
    SELECT DISTINCT ON (contract_id) contract_id, effective_on, price, reason
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
    -- What was a trial then was worth 0 until it changed.
    AND (NOT contract.is_trial OR later.contract_id IS NOT NULL)
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
WHERE yearly_value > 0
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
_VALUING_LOCK = 2_026_112_204

# Days that were missed, and the last one also where the accounts are still to be valued.
_DUE_DAYS = """
SELECT series.day::date
FROM (SELECT coalesce(min(day), %(last)s) AS day FROM accounts_revenueday) AS first
CROSS JOIN generate_series(greatest(first.day, %(since)s), %(last)s, '1 day') AS series (day)
WHERE NOT EXISTS (
    SELECT FROM accounts_revenueday AS recorded
    WHERE recorded.day = series.day::date
        AND (recorded.day <> %(last)s OR recorded.accounts_valued_at IS NOT NULL)
)
ORDER BY series.day
"""

# Both tables stay for the next time: a new one each night would only wear out the catalogue.
_GATHERED = """
CREATE TEMPORARY TABLE IF NOT EXISTS gathered_revenue (
    brand_id bigint, account_id bigint, currency varchar, arr numeric, arr_under_notice numeric,
    contracts bigint
)
"""

_GATHER = f"""
INSERT INTO gathered_revenue (brand_id, account_id, currency, arr, arr_under_notice, contracts)
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

_FRESH_ARR = f"""
WITH rate AS MATERIALIZED (
    SELECT used.currency, {RATE_ON.format(currency="used.currency", day="%(day)s")} AS rate
    FROM (SELECT DISTINCT currency FROM gathered_revenue) AS used
), worth AS (
    SELECT account_id, round(sum(arr * rate.rate), 4) AS arr, bool_or(rate.rate IS NULL) AS lacks
    FROM gathered_revenue
    JOIN rate USING (currency)
    GROUP BY account_id
)
SELECT account.id, coalesce(worth.arr, 0) AS value
FROM accounts_account AS account
LEFT JOIN worth ON worth.account_id = account.id
WHERE worth.lacks IS NOT TRUE AND account.arr <> coalesce(worth.arr, 0)
"""

# Ranked are accounts by how many have as much or more: a tie at the border stays out as a whole.
_FRESH_HIGH_VALUE = """
WITH ranked AS (
    SELECT id,
        count(*) OVER (PARTITION BY brand_id ORDER BY arr DESC)
            <= greatest(ceil(%(share)s * count(*) OVER (PARTITION BY brand_id)), 1) AS is_high
    FROM accounts_account
    WHERE arr > 0
)
SELECT account.id, coalesce(ranked.is_high, FALSE) AS value
FROM accounts_account AS account
LEFT JOIN ranked ON ranked.id = account.id
WHERE account.brand_id <> ALL(%(left_out)s)
    AND account.is_high_value <> coalesce(ranked.is_high, FALSE)
"""

_STALE = """
CREATE TEMPORARY TABLE IF NOT EXISTS stale_account (
    position bigint PRIMARY KEY, id bigint, arr numeric, is_high_value boolean
)
"""

_GATHER_STALE = """
INSERT INTO stale_account (position, id, {column})
SELECT row_number() OVER (ORDER BY id), id, value FROM ({fresh}) AS fresh
"""

_WRITE_STALE = """
WITH free AS (
    SELECT account.id, stale.{column}
    FROM stale_account AS stale
    JOIN accounts_account AS account ON account.id = stale.id
    WHERE stale.position > %(after)s AND stale.position <= %(until)s
    ORDER BY account.id
    FOR NO KEY UPDATE OF account SKIP LOCKED
)
UPDATE accounts_account AS account SET {column} = free.{column} FROM free WHERE account.id = free.id
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


def due_revenue_days(*, since: date, last: date) -> list[date]:
    """The days from `since` and the first recorded one on that are not recorded, oldest first;
    `last` also where the accounts are not valued yet, and it alone where nothing is recorded.

    Plan: one look-up by primary key for each day in question.
    """
    return [day for (day,) in _rows(_DUE_DAYS, {"since": since, "last": last})]


@contextmanager
def valuing_alone() -> Iterator[bool]:
    """Whether this is the only run that values the accounts; held until the end of the block,
    over all transactions in it. Plan: no table."""
    [(is_alone,)] = _rows("SELECT pg_try_advisory_lock(%(lock)s)", {"lock": _VALUING_LOCK})
    try:
        yield is_alone
    finally:
        if is_alone:
            _rows("SELECT pg_advisory_unlock(%(lock)s)", {"lock": _VALUING_LOCK})


def gather_revenue(*, day: date, ends_known_from: date) -> None:
    """Put the revenue of all accounts on a day into a temporary table of this connection, in the
    place of one gathered before, for the functions below to read.

    Plan: one scan of the contracts, hash joins of the price changes after the day and of the
    cancellations, one hash aggregate.
    """
    _empty("gathered_revenue", _GATHERED)
    run_on_all(_GATHER, {"day": day, "ends_known_from": ends_known_from})
    _run("ANALYZE gathered_revenue", {})


def record_gathered_revenue(*, day: date) -> None:
    """Keep the figures of a day by brand and currency. An account counts once, under the first of
    its currencies. Plan: two scans of the gathered rows, one hash join."""
    _run(_RECORD, {"day": day})


def missing_rates(*, day: date) -> list[MissingRate]:
    """The currencies of gathered revenue that no rate covers. Plan: scan of the gathered rows."""
    return [MissingRate(*row) for row in _rows(_MISSING_RATES, _with_currency(day))]


def refresh_account_arr(*, day: date, batch: int) -> bool:
    """Bring the ARR of all accounts up to date, in the reporting currency; those that lack a rate
    stay as they are. `batch` rows a transaction. False where rows were left out because others
    hold them.

    Plan: scan of the accounts, hash join of the gathered rows, look-ups of those that differ.
    """
    return _refresh("arr", _FRESH_ARR, _with_currency(day), batch)


def flag_high_value(*, share: Decimal, left_out: Sequence[int], batch: int) -> bool:
    """Mark the accounts whose ARR is among the highest `share` of their brand, rounded up: those
    of which no more accounts than that have as much or more. Brands `left_out` stay as they are.
    `batch` rows a transaction. False where rows were left out because others hold them.

    Plan: two scans of the accounts, one sort of those with revenue.
    """
    parameters = {"share": share, "left_out": list(left_out)}
    return _refresh("is_high_value", _FRESH_HIGH_VALUE, parameters, batch)


def _refresh(column: str, fresh: str, parameters: dict[str, Any], batch: int) -> bool:
    _empty("stale_account", _STALE)
    stale = run_on_all(_GATHER_STALE.format(column=column, fresh=fresh), parameters)
    _run("ANALYZE stale_account", {})
    statement = _WRITE_STALE.format(column=column)
    written = sum(
        _run(statement, {"after": after, "until": after + batch})
        for after in range(0, stale, batch)
    )
    return written == stale


def _empty(table: str, definition: str) -> None:
    _run(definition, {})
    _run(f"TRUNCATE {table}", {})


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
