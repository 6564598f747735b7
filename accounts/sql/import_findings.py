"""What a feed says beside what is there: rows that cannot come in, and contradictions of those
that do. The texts are the caller's; `{said}` and the like in them are filled in here."""

from accounts.sql.expressions import YEARLY_VALUE
from accounts.sql.import_staging import refuse, run

_REFUSE_UNKNOWN_ACCOUNTS = """
INSERT INTO import_issue (line, field, reason)
SELECT staged.line, 'account_number', %(reason)s
FROM import_row AS staged
WHERE staged.account_number IS NOT NULL AND NOT EXISTS (
    SELECT FROM accounts_account AS account
    WHERE account.brand_id = staged.brand AND account.external_id = staged.account_number
)
"""

_REFUSE_UNKNOWN_PRODUCTS = """
INSERT INTO import_issue (line, field, reason)
SELECT staged.line, 'product_code', %(reason)s
FROM import_row AS staged
WHERE NOT EXISTS (
    SELECT FROM accounts_product AS product
    WHERE product.brand_id = staged.brand AND product.code = staged.product_code
)
"""

_REFUSE_UNKNOWN_CONTRACTS = """
INSERT INTO import_issue (line, field, reason)
SELECT staged.line, 'contract_number',
    CASE WHEN contract.id IS NULL THEN %(unknown)s ELSE %(of_other)s END
FROM import_row AS staged
LEFT JOIN accounts_contract AS contract
    ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
LEFT JOIN accounts_account AS account ON account.id = contract.account_id
WHERE staged.contract_number IS NOT NULL
    AND (contract.id IS NULL OR account.external_id <> staged.account_number)
"""

_REFUSE_MISSING_ENDS = """
INSERT INTO import_issue (line, field, reason)
SELECT line, 'ends_on', %(reason)s
FROM import_row
WHERE contract_number IS NOT NULL AND ends_on IS NULL AND NOT end_is_kept
"""

_REFUSE_ENDS_BEFORE_START = """
INSERT INTO import_issue (line, field, reason)
SELECT staged.line, 'ends_on', replace(%(reason)s, '{day}', contract.starts_on::text)
FROM import_row AS staged
JOIN accounts_contract AS contract
    ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
WHERE staged.ends_on < contract.starts_on
"""

_REFUSE_STARTS_AFTER_KNOWN_END = """
INSERT INTO import_issue (line, field, reason)
SELECT staged.line, 'starts_on', replace(%(reason)s, '{{day}}', contract.ends_on::text)
FROM import_row AS staged
JOIN accounts_contract AS contract
    ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
WHERE {stands} AND contract.ends_on < staged.starts_on
"""

_REPORT = "INSERT INTO import_issue (line, field, reason, severity) "

_REPORT_KEPT_ENDS = (
    _REPORT
    + """
SELECT line, 'ends_on',
    replace(replace(%(reason)s, '{said}', coalesce(said_ends_on::text, %(none)s)),
        '{known}', coalesce(ends_on::text, %(none)s)),
    'contradiction'
FROM import_row
WHERE end_is_kept
"""
)

_REPORT_CANCELLED_WITHOUT_END = (
    _REPORT
    + """
SELECT staged.line, 'cancelled_on', %(reason)s, 'contradiction'
FROM import_row AS staged
JOIN accounts_contract AS contract
    ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
WHERE staged.cancelled_on IS NOT NULL AND contract.ends_on IS NULL
    AND NOT staged.end_is_kept
"""
)

_STAGED_VALUE = YEARLY_VALUE.format(price="price", months="billing_period_months")
_REPORT_YEARLY_VALUES = (
    _REPORT
    + f"""
SELECT line, 'control_yearly_value',
    replace(replace(%(reason)s, '{{said}}', control_yearly_value::text),
        '{{known}}', round({_STAGED_VALUE}, 2)::text),
    'contradiction'
FROM import_row
WHERE control_yearly_value <> round({_STAGED_VALUE}, 2)
"""
)

_REPORT_ENDED = (
    _REPORT
    + """
SELECT staged.line, 'control_has_ended',
    CASE WHEN staged.control_has_ended THEN %(says_yes)s ELSE %(says_no)s END, 'contradiction'
FROM import_row AS staged
JOIN accounts_contract AS contract
    ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
WHERE staged.control_has_ended <> (contract.state IN ('ended', 'withdrawn'))
"""
)

_REPORT_LEFT = (
    _REPORT
    + """
SELECT staged.line, 'control_has_left',
    CASE WHEN staged.control_has_left THEN replace(%(says_yes)s, '{count}', staged.living::text)
        ELSE %(says_no)s END,
    'contradiction'
FROM (
    SELECT staged.line, staged.control_has_left,
        count(*) FILTER (WHERE contract.state IN ('ordered', 'running')) AS living
    FROM import_row AS staged
    JOIN accounts_account AS account
        ON account.brand_id = staged.brand AND account.external_id = staged.account_number
    JOIN accounts_contract AS contract ON contract.account_id = account.id
    WHERE staged.control_has_left IS NOT NULL
    GROUP BY staged.line, staged.control_has_left
) AS staged
WHERE staged.control_has_left = (staged.living > 0)
"""
)

_REPORT_UNMATCHED_CANCELLATIONS = (
    _REPORT
    + """
SELECT staged.line, CASE WHEN staged.ends_on IS NULL THEN 'cancelled_on' ELSE 'ends_on' END,
    replace(replace(%(reason)s, '{day}', coalesce(staged.ends_on, staged.cancelled_on)::text),
        '{count}', held.living::text),
    'contradiction'
FROM import_row AS staged
JOIN accounts_account AS account
    ON account.brand_id = staged.brand AND account.external_id = staged.account_number
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE contract.state IN ('ordered', 'running')) AS living,
        coalesce(bool_or(
            contract.ends_on = coalesce(staged.ends_on, staged.cancelled_on)
        ), false) AS is_known
    FROM accounts_contract AS contract
    WHERE contract.account_id = account.id
) AS held
WHERE staged.contract_number IS NULL AND NOT held.is_known
"""
)


def refuse_unknown_accounts(*, reason: str) -> None:
    """Refuse rows of accounts that are not there. Plan: hash anti-join by account number."""
    refuse(_REFUSE_UNKNOWN_ACCOUNTS, reason=reason)


def refuse_unknown_products(*, reason: str) -> None:
    """Refuse rows of products that are not there. Plan: hash anti-join by product code."""
    refuse(_REFUSE_UNKNOWN_PRODUCTS, reason=reason)


def refuse_unknown_contracts(*, unknown: str, of_other: str) -> None:
    """Refuse rows of contracts that are not there, or belong to another account than they say.

    Plan: hash joins by contract number and account.
    """
    refuse(_REFUSE_UNKNOWN_CONTRACTS, unknown=unknown, of_other=of_other)


def refuse_missing_ends(*, reason: str) -> None:
    """Refuse rows that end a contract without saying when. Plan: scan of the staged rows."""
    refuse(_REFUSE_MISSING_ENDS, reason=reason)


def refuse_ends_before_start(*, reason: str) -> None:
    """Refuse rows whose last day lies before the contract's first (`{day}`).

    Plan: hash join by contract number.
    """
    refuse(_REFUSE_ENDS_BEFORE_START, reason=reason)


def refuse_starts_after_known_end(*, only_kept: bool, reason: str) -> None:
    """Refuse rows that start after the last day that the contract already has (`{day}`).

    `only_kept`: of the rows whose end the desk decides; else of all, for feeds that say nothing
    about the end. Plan: hash join, or look-ups by contract number.
    """
    stands = "staged.end_is_kept" if only_kept else "true"
    refuse(_REFUSE_STARTS_AFTER_KNOWN_END.format(stands=stands), reason=reason)


def report_kept_ends(*, reason: str, none: str) -> int:
    """Report where the desk's last day (`{known}`) counts and the feed says another (`{said}`).

    Plan: scan of the staged rows; as below, after the merge.
    """
    return run(_REPORT_KEPT_ENDS, reason=reason, none=none)


def report_cancelled_without_end(*, reason: str) -> int:
    """Report cancellations without a last day. Plan: hash join by contract number."""
    return run(_REPORT_CANCELLED_WITHOUT_END, reason=reason)


def report_yearly_values(*, reason: str) -> int:
    """Report yearly values other than ours (`{known}`). Plan: scan of the staged rows."""
    return run(_REPORT_YEARLY_VALUES, reason=reason)


def report_ended(*, says_yes: str, says_no: str) -> int:
    """Report contracts that have ended for the feed only, or for us only.

    Plan: hash join by contract number.
    """
    return run(_REPORT_ENDED, says_yes=says_yes, says_no=says_no)


def report_left(*, says_yes: str, says_no: str) -> int:
    """Report customers who have left for the feed and hold `{count}` contracts here, or the other
    way round; of customers who ever held one.

    Plan: joins by account number and of the contracts by account, hashed for many, one aggregate.
    """
    return run(_REPORT_LEFT, says_yes=says_yes, says_no=says_no)


def report_unmatched_cancellations(*, reason: str) -> int:
    """Report rows whose account has no contract that ended on the day (`{day}`); `{count}` run.

    Plan: hash join by account number, contracts of each account by their index.
    """
    return run(_REPORT_UNMATCHED_CANCELLATIONS, reason=reason)
