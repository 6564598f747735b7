"""Prices of a feed beside those that came in force, or were announced, after what it knows."""

from collections.abc import Collection
from datetime import date

from accounts.sql.import_merging import listed, mapped
from accounts.sql.import_staging import run

# What the money of a contract is made of.
_COLUMNS = {
    name: name
    for name in ("price", "renewal_price", "currency", "billing_period_months", "is_trial")
}

_KEEP = """
UPDATE import_row AS staged
SET ({columns}) = ROW ({values}), prices_since = kept.effective_on,
    said_prices = kept.said, known_prices = kept.known
FROM (
    SELECT DISTINCT ON (staged.line) staged.line, change.effective_on, {targets},
        jsonb_build_object({said}) AS said,
        jsonb_build_object({known})
            || CASE WHEN change.applied_at IS NULL
                THEN jsonb_build_object('price', change.price) ELSE '{{}}' END AS known
    FROM import_row AS staged
    JOIN accounts_contract AS contract
        ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
    JOIN accounts_pricechange AS change ON change.contract_id = contract.id
    WHERE ROW ({targets}) IS DISTINCT FROM ROW ({staged})
        AND (
            change.applied_at IS NOT NULL AND change.reason <> 'feed'
                AND change.effective_on > %(as_of)s
            OR change.applied_at IS NULL AND change.reason = 'announced'
                AND change.effective_on <= %(as_of)s
        )
    ORDER BY staged.line, change.effective_on DESC
) AS kept
WHERE staged.line = kept.line
"""

_REPORT = """
INSERT INTO import_issue (line, field, reason, severity)
SELECT staged.line, said.field,
    replace(replace(replace(%(reason)s, '{said}', coalesce(said.value #>> '{}', %(none)s)),
        '{known}', coalesce(staged.known_prices ->> said.field, %(none)s)),
        '{day}', staged.prices_since::text),
    'contradiction'
FROM import_row AS staged
CROSS JOIN LATERAL jsonb_each(staged.said_prices) AS said (field, value)
WHERE said.value <> staged.known_prices -> said.field
"""


def keep_later_prices(*, fields: Collection[str], as_of: date) -> int:
    """Keep what came in force after `as_of` otherwise than by a feed, and what an agent has
    announced until then and the clock has not put in force yet, from what the feed says instead.

    Such rows take over what the contract costs; `said_prices` keeps the feed's. Plan: hash join
    by contract number, look-ups of price changes by contract.
    """
    columns = mapped(_COLUMNS, fields)
    return run(
        _KEEP.format(
            columns=listed(columns),
            values=listed(columns, "kept"),
            targets=listed(columns, "contract"),
            staged=listed(columns, "staged"),
            said=_pairs(columns, "staged"),
            known=_pairs(columns, "contract"),
        ),
        as_of=as_of,
    )


def report_kept_prices(*, reason: str, none: str) -> int:
    """Report what the feed says (`{said}`) where something else (`{known}`) counts since `{day}`.

    Plan: scan of the staged rows.
    """
    return run(_REPORT, reason=reason, none=none)


def _pairs(columns: Collection[str], table: str) -> str:
    return ", ".join(f"'{column}', {table}.{column}" for column in columns)
