"""Renewal date, current term and next reminder of contracts: the one place that computes them."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection, transaction

from accounts.sql.expressions import DAY_OF_IMPORT
from accounts.sql.policies import IS_UNDECIDED, RENEWAL, STEPS
from accounts.sql.whole_tables import run_on_all

_NAMES = {"contract": "contract", "account": "account", "product": "product"}
_RENEWAL = RENEWAL.format(
    renewal_date="next.renewal_date",
    term_months="next.term_months",
    has_ended="contract.state = 'ended'",
    day="today.day",
    **_NAMES,
)

# OFFSET 0 keeps the planner from writing each step into all later ones, where it would be
# computed dozens of times: a fifth of the time over all contracts, half of it for one.
_DATES = f"""(
    SELECT contract.id, next.renewal_date, next.term_months, first.remind_on,
        first.number AS remind_step
    FROM {{contracts}} AS contract
    JOIN accounts_account AS account ON account.id = contract.account_id
    JOIN accounts_product AS product ON product.id = contract.product_id
    CROSS JOIN LATERAL (
        SELECT {{day}} AS day
        OFFSET 0
    ) AS today
    CROSS JOIN LATERAL (
        SELECT (extract(year FROM today.day) - extract(year FROM contract.starts_on))::int * 12
            + (extract(month FROM today.day) - extract(month FROM contract.starts_on))::int
            AS months
        OFFSET 0
    ) AS apart
    -- Whole months since the start. The calendar counts one too many until the day of the month
    -- is reached, where a start on the 31st is reached on the last day of a shorter month.
    CROSS JOIN LATERAL (
        SELECT apart.months - (
            (contract.starts_on + make_interval(months => apart.months))::date > today.day
        )::int AS months
        OFFSET 0
    ) AS done
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN contract.state NOT IN ('ordered', 'running') THEN NULL
                WHEN done.months < contract.first_term_months THEN contract.first_term_months
                WHEN contract.after_term = 'renews' THEN contract.first_term_months
                    + contract.renewal_term_months
                    * ((done.months - contract.first_term_months) / contract.renewal_term_months
                        + 1)
            END AS months,
            CASE
                WHEN done.months < contract.first_term_months THEN contract.first_term_months
                ELSE contract.renewal_term_months
            END AS term_months
        OFFSET 0
    ) AS term
    CROSS JOIN LATERAL (
        SELECT (contract.starts_on + make_interval(months => term.months))::date AS renewal_date
        OFFSET 0
    ) AS counted
    -- Once notice is given there is no next term, unless the end lies behind it.
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN contract.ends_on < counted.renewal_date THEN NULL
                ELSE counted.renewal_date END AS renewal_date,
            CASE WHEN term.months IS NULL THEN NULL ELSE term.term_months END AS term_months
        OFFSET 0
    ) AS next
    CROSS JOIN LATERAL {_RENEWAL} AS renewal
    LEFT JOIN LATERAL (
        SELECT step.remind_on, step.number
        FROM {STEPS.format(**_NAMES)} AS step
        WHERE {IS_UNDECIDED.format(**_NAMES)}
            -- Of an end that came in late nobody is told, unless it was planned before.
            AND (NOT renewal.is_over OR step.remind_on >= today.day
                OR step.number = contract.remind_step)
        ORDER BY step.remind_on, step.number
        LIMIT 1
    ) AS first ON renewal.renewal_date IS NOT NULL
    WHERE {{which}}
)"""

_DIFFER = """
contract.id = dates.id
    AND (contract.renewal_date, contract.term_months, contract.remind_on, contract.remind_step)
        IS DISTINCT FROM (
            dates.renewal_date, dates.term_months, dates.remind_on, dates.remind_step
        )
"""

# Materialized: a table that was filled a moment ago looks empty to the planner, which would compute
# the dates of all contracts anew for each of them.
_REFRESH = f"""
WITH dates AS MATERIALIZED {_DATES}
UPDATE accounts_contract AS contract
SET renewal_date = dates.renewal_date,
    term_months = dates.term_months,
    remind_on = dates.remind_on,
    remind_step = dates.remind_step
FROM dates
WHERE {_DIFFER}
"""

_DAY = "coalesce(%(on)s, (%(at)s AT TIME ZONE account.time_zone)::date)"
_GIVEN = _REFRESH.format(
    contracts="accounts_contract", which="contract.id = ANY(%(ids)s)", day=_DAY
)
_ALL = _REFRESH.format(contracts="accounts_contract", which="true", day=_DAY)
# A renewal that the clock has not noted yet stays ahead.
_DAY_OF_REPAIR = "least((%(at)s AT TIME ZONE account.time_zone)::date, contract.renewal_date - 1)"
_REPAIR = _REFRESH.format(
    contracts="accounts_contract", which="contract.id = ANY(%(ids)s)", day=_DAY_OF_REPAIR
)
_LOCK_STALE = f"""
WITH dates AS MATERIALIZED {_DATES}
SELECT contract.id
FROM accounts_contract AS contract, dates
WHERE {_DIFFER}
ORDER BY contract.id
FOR NO KEY UPDATE OF contract
""".format(
    contracts="accounts_contract",
    which="contract.id BETWEEN %(first_id)s AND %(last_id)s",
    day=_DAY_OF_REPAIR,
)
# A renewal that has come is for the clock to note, which puts the price from then on in force: an
# import neither passes over one that is outstanding nor over the first of a price that it brings.
_DAY_AFTER_IMPORT = f"""
CASE
    WHEN contract.renewal_date IS NULL AND contract.renewal_price IS NOT NULL THEN %(as_of)s
    ELSE least({DAY_OF_IMPORT}, contract.renewal_date - 1)
END
"""
# OFFSET 0 again: there are too many steps for the planner to see that this comes first.
_OF_TABLE = "(SELECT known.* FROM {table} JOIN accounts_contract AS known USING (id) OFFSET 0)"


def refresh_contract_dates(
    *, contract_ids: Sequence[int] | None, on: date | None = None, at: datetime
) -> int:
    """Bring renewal date, current term and next reminder up to date; answer how many changed.

    `contract_ids`: None means all. `on`: the day in question, else each account's own day at
    `at`. The renewal date is the first day of the next term strictly after that day, counted in
    months from the contract's start; none for open-ended, ended and withdrawn contracts or where
    notice is given before it. The next reminder is the earliest step of the policy that holds for
    that renewal (`accounts.sql.policies`) which is not decided yet; none under notice, while a
    cancellation waits for its last day, or where no policy holds. Contracts that have ended with
    their term get the steps that their policy has for after it.

    Plan: index look-ups by id; over all contracts hash joins of contracts, accounts, products,
    and for each a scan of the few policies and steps.
    """
    if contract_ids is None:
        return run_on_all(_ALL, {"on": on, "at": at})
    return _refresh(_GIVEN, ids=list(contract_ids), on=on, at=at)


def repair_contract_dates(*, first_id: int, last_id: int, at: datetime) -> int:
    """The same for the contracts whose ids lie in a range, as of each account's own day; a
    renewal that the clock has not noted yet stays ahead.

    Beside everything else: what differs is locked first and computed again then, for whoever held
    it may have changed it. Plan: range scan of the primary key, else as over all contracts; then
    look-ups of those that differ.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_STALE, {"first_id": first_id, "last_id": last_id, "at": at})
            stale = [contract_id for (contract_id,) in cursor.fetchall()]
        return repair_locked_contracts(contract_ids=stale, at=at)


def repair_locked_contracts(*, contract_ids: Sequence[int], at: datetime) -> int:
    """The same for contracts that the caller has locked. Plan: look-ups by id."""
    if not contract_ids:
        return 0
    return _refresh(_REPAIR, ids=list(contract_ids), at=at)


def lock_contracts_of(*, account_id: int) -> list[int]:
    """Lock the contracts of an account; answers their ids. Plan: look-up by account."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM accounts_contract WHERE account_id = %(account_id)s
            ORDER BY id
            FOR NO KEY UPDATE
            """,
            {"account_id": account_id},
        )
        return [contract_id for (contract_id,) in cursor.fetchall()]


def refresh_contract_dates_of(*, table: str, as_of: date, at: datetime) -> int:
    """The same for the contracts whose `id` stands in a temporary table of an import.

    The day in question is the later of `as_of` and each account's own; a renewal that the clock
    has not noted yet stays ahead.

    Plan: look-ups by id of the contracts, their accounts and products, hash joins where the table
    is large; then look-ups of those that differ.
    """
    of_table = _REFRESH.format(
        contracts=_OF_TABLE.format(table=table), which="true", day=_DAY_AFTER_IMPORT
    )
    return _refresh(of_table, as_of=as_of, at=at)


def _refresh(statement: str, **params: list[int] | int | date | datetime | None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount
