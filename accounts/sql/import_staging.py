"""The rows of a feed on their way in: temporary tables of the session that imports.

Nobody else sees them, and they are gone with the connection.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import IO

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

# What one import at a time is agreed on by (`pg_try_advisory_lock`).
_LOCK = 0x696D706F7274

_TABLES = (
    "import_row, import_issue, import_address, import_product, import_account, import_contact, "
    "import_touched, import_account_touched, import_moved, import_decided, import_permission, "
    "import_cancellation"
)

# Where the end or the price that is here counts, the row takes it over; what the feed says about
# it stands in `said_ends_on` and `said_prices`.
_CREATE = """
CREATE TEMPORARY TABLE import_row (
    line integer NOT NULL,
    {columns},
    end_is_kept boolean NOT NULL DEFAULT false,
    said_ends_on date,
    prices_since date,
    said_prices jsonb,
    known_prices jsonb
);
CREATE TEMPORARY TABLE import_issue (
    line integer NOT NULL,
    field text NOT NULL,
    reason text NOT NULL,
    severity text NOT NULL DEFAULT 'refused'
);
"""

_COPY_ISSUES = "COPY import_issue (line, field, reason) FROM STDIN"
_SAVE_ISSUES = "COPY import_issue TO STDOUT"
_RESTORE_ISSUES = "COPY import_issue FROM STDIN"

_REFUSE_REPEATED = """
INSERT INTO import_issue (line, field, reason)
SELECT line, '{number}', replace(%(reason)s, '{{line}}', first_line::text)
FROM (
    SELECT line, first_value(line) OVER same AS first_line
    FROM import_row
    WHERE {number} IS NOT NULL
    WINDOW same AS (PARTITION BY brand, {number} ORDER BY line)
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

_DELETE_REFUSED = """
DELETE FROM import_row AS staged USING import_issue AS issue WHERE issue.line = staged.line
"""

_KEEP_ISSUES = """
INSERT INTO accounts_importissue (run_id, line, field, reason, severity)
SELECT DISTINCT ON (line, field) %(run_id)s, line, field, left(reason, 300), severity
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


def wait_for_import_lock(*, seconds: int) -> bool:
    """Take the same lock for the transaction that runs; False if another session goes on having
    it for so long."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('lock_timeout')")
            usual = cursor.fetchone()[0]
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{seconds}s"])
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [usual])
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return False
        raise
    return True


def release_import_lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def create_staging(*, columns: Mapping[str, str]) -> None:
    """`columns`: the types of the columns that rows have besides their line, by name; names and
    types are ours, never input."""
    described = ", ".join(f"{name} {column_type}" for name, column_type in columns.items())
    with connection.cursor() as cursor:
        cursor.execute(_CREATE.format(columns=described))


def drop_staging() -> None:
    """Drop what `create_staging` and the merge have created."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {_TABLES}")


def stage(
    *,
    columns: Iterable[str],
    rows: Iterable[Sequence[object]],
    issues: Iterable[tuple[int, str, str]],
) -> None:
    """Add rows (line and `columns`) and issues, each by one COPY."""
    copy_rows = f"COPY import_row (line, {', '.join(columns)}) FROM STDIN"
    for statement, records in ((copy_rows, rows), (_COPY_ISSUES, issues)):
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for record in records:
                copy.write_row(record)


def save_issues(file: IO[bytes]) -> None:
    """Write all issues to a file, from which `restore_issues` brings them back after a rollback."""
    with connection.cursor() as cursor, cursor.copy(_SAVE_ISSUES) as copy:
        for block in copy:
            file.write(block)


def restore_issues(file: IO[bytes]) -> None:
    file.seek(0)
    run("TRUNCATE import_issue")
    with connection.cursor() as cursor, cursor.copy(_RESTORE_ISSUES) as copy:
        while block := file.read(65_536):
            copy.write(block)


def refuse_repeated(*, number: str, reason: str) -> None:
    """Refuse all but the first row of each `number`, a column; `{line}` in `reason` is the first's.

    Plan: one sort of the staged rows.
    """
    refuse(_REFUSE_REPEATED.format(number=number), reason=reason)


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
    refuse(statement, reason=reason)


def keep_issues(*, run_id: int) -> None:
    """Write the issues of this session's feed to the run, one per line and field."""
    run(_KEEP_ISSUES, run_id=run_id)


def count_refused_lines() -> int:
    return count("SELECT count(DISTINCT line) FROM import_issue WHERE severity = 'refused'")


def count_contradicted_lines() -> int:
    return count("SELECT count(DISTINCT line) FROM import_issue WHERE severity = 'contradiction'")


def read_issues() -> list[tuple[int, str, str, str]]:
    """Line, field, reason and severity of the issues of this session's feed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT line, field, reason, severity FROM import_issue ORDER BY line, field"
        )
        return cursor.fetchall()


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


def refuse(statement: str, **params: str) -> None:
    """Run a statement that adds issues, and take the rows of these lines out."""
    if run(statement, **params):
        run(_DELETE_REFUSED)
