"""The rows of a feed on their way in: temporary tables of the session that imports.

Nobody else sees them, and they are gone with the connection.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from django.db import connection

# What one import at a time is agreed on by (`pg_try_advisory_lock`).
_LOCK = 0x696D706F7274

_COLUMNS = """
    line integer NOT NULL,
    brand bigint NOT NULL,
    account_number text NOT NULL,
    account_name text NOT NULL,
    customer_kind text NOT NULL,
    segment text NOT NULL,
    country text NOT NULL,
    region text NOT NULL,
    language text NOT NULL,
    time_zone text NOT NULL,
    contact_key text,
    contact_number text NOT NULL,
    contact_name text,
    contact_role text NOT NULL,
    contact_address text,
    contact_phone text NOT NULL,
    contact_language text NOT NULL,
    product_code text NOT NULL,
    product_name text NOT NULL,
    product_family text NOT NULL,
    contract_number text NOT NULL,
    concluded_on date NOT NULL,
    starts_on date NOT NULL,
    first_term_months smallint,
    after_term text NOT NULL,
    renewal_term_months smallint,
    notice_months smallint NOT NULL,
    notice_days smallint NOT NULL,
    ends_on date,
    price numeric(12, 2) NOT NULL,
    renewal_price numeric(12, 2),
    tax_rate numeric(5, 2) NOT NULL,
    currency text NOT NULL,
    billing_period_months smallint NOT NULL,
    reminded_on date,
    survey_basis text,
    survey_source text,
    survey_since timestamptz,
    programme_basis text,
    programme_source text,
    programme_since timestamptz,
    newsletter_basis text,
    newsletter_source text,
    newsletter_since timestamptz
"""
ROW_COLUMNS = tuple(line.split()[0] for line in _COLUMNS.strip().splitlines())

_TABLES = (
    "import_row, import_issue, import_address, import_product, import_account, import_contact, "
    "import_touched, import_decided, import_permission"
)

_CREATE = f"""
CREATE TEMPORARY TABLE import_row ({_COLUMNS});
CREATE TEMPORARY TABLE import_issue (line integer NOT NULL, field text NOT NULL, reason text);
"""

_COPY_ROWS = f"COPY import_row ({', '.join(ROW_COLUMNS)}) FROM STDIN"
_COPY_ISSUES = "COPY import_issue (line, field, reason) FROM STDIN"

_REFUSE_REPEATED_CONTRACTS = """
INSERT INTO import_issue (line, field, reason)
SELECT line, 'contract_number', replace(%(reason)s, '{line}', first_line::text)
FROM (
    SELECT line, first_value(line) OVER same AS first_line
    FROM import_row
    WINDOW same AS (PARTITION BY brand, contract_number ORDER BY line)
) AS staged
WHERE line <> first_line
"""

_REFUSE_CONTRADICTIONS = """
INSERT INTO import_issue (line, field, reason)
SELECT staged.line, differing.field, replace(%(reason)s, '{{line}}', staged.first_line::text)
FROM (
    SELECT line, first_value(line) OVER same AS first_line, {differences}
    FROM import_row
    WHERE {is_meant}
    WINDOW same AS (PARTITION BY {key} ORDER BY line)
) AS staged
CROSS JOIN LATERAL (VALUES {fields}) AS differing (field, differs)
WHERE differing.differs
"""

_REFUSE_STARTS_AFTER_END = """
INSERT INTO import_issue (line, field, reason)
SELECT staged.line, 'starts_on', replace(%(reason)s, '{day}', contract.ends_on::text)
FROM import_row AS staged
JOIN accounts_contract AS contract
    ON contract.brand_id = staged.brand AND contract.external_id = staged.contract_number
WHERE contract.ends_on < staged.starts_on
"""

_DELETE_REFUSED = """
DELETE FROM import_row AS staged USING import_issue AS issue WHERE issue.line = staged.line
"""

_KEEP_ISSUES = """
INSERT INTO accounts_importissue (run_id, line, field, reason)
SELECT DISTINCT ON (line, field) %(run_id)s, line, field, left(reason, 300)
FROM import_issue
ORDER BY line, field
"""


def known_time_zones() -> set[str]:
    """The time zones that PostgreSQL knows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        return {name for (name,) in cursor.fetchall()}


def take_import_lock() -> bool:
    """Take the lock that one import at a time holds; False if another session has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        return cursor.fetchone()[0]


def release_import_lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def create_staging() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)


def drop_staging() -> None:
    """Drop what `create_staging` and the merge have created."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {_TABLES}")


def stage(rows: Iterable[Sequence[object]], issues: Iterable[tuple[int, str, str]]) -> None:
    """Add rows (in the order of ROW_COLUMNS) and issues, each by one COPY."""
    for statement, records in ((_COPY_ROWS, rows), (_COPY_ISSUES, issues)):
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for record in records:
                copy.write_row(record)


def refuse_repeated_contracts(*, reason: str) -> None:
    """Refuse all but the first row of each contract number; `{line}` in `reason` is the first's.

    Plan: one sort of the staged rows.
    """
    _refuse(_REFUSE_REPEATED_CONTRACTS, reason)


def refuse_contradictions(*, key: Sequence[str], fields: Sequence[str], reason: str) -> None:
    """Refuse rows that differ in `fields` from the first row of the same `key`.

    `{line}` in `reason` is the first row's. Rows without a key column are left out.
    Plan: one sort of the staged rows. The names are columns of `import_row`, never input.
    """
    if not fields:
        return
    statement = _REFUSE_CONTRADICTIONS.format(
        differences=", ".join(
            f"{field} IS DISTINCT FROM first_value({field}) OVER same AS {field}"
            for field in fields
        ),
        is_meant=" AND ".join(f"{column} IS NOT NULL" for column in key),
        key=", ".join(key),
        fields=", ".join(f"('{field}', staged.{field})" for field in fields),
    )
    _refuse(statement, reason)


def refuse_starts_after_known_end(*, reason: str) -> None:
    """Refuse rows that start after the last day that the contract already has (`{day}`).

    For feeds that say nothing about the end. Plan: hash join, or look-ups by contract number.
    """
    _refuse(_REFUSE_STARTS_AFTER_END, reason)


def keep_issues(*, run_id: int) -> None:
    """Write the issues of this session's feed to the run, one per line and field."""
    run(_KEEP_ISSUES, run_id=run_id)


def count_refused_lines() -> int:
    return count("SELECT count(DISTINCT line) FROM import_issue")


def analyze_staging() -> None:
    """Tell the planner what is staged; else it takes a feed of millions for a few rows."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE import_row")


def run(statement: str, **params: str | int | date | datetime | None) -> int:
    """Run a statement; answers how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount


def count(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def read_batches(*, table: str, columns: str, batch: int) -> Iterator[list[tuple]]:
    """The rows of a temporary table with primary key `id`, `id` first, in its order."""
    last = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                f"SELECT id{columns} FROM {table} WHERE id > %s ORDER BY id LIMIT %s",
                [last, batch],
            )
            rows = cursor.fetchall()
            if not rows:
                return
            yield rows
            last = rows[-1][0]


def _refuse(statement: str, reason: str) -> None:
    if run(statement, reason=reason):
        run(_DELETE_REFUSED)
