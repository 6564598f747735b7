"""How far an import is, written beside its transaction."""

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

# The import writes its run too, at the end of its transaction. Whoever finds the row locked by
# then leaves it alone: waiting would be waiting for oneself.
_WRITE = """
UPDATE accounts_importrun
SET step = %(step)s, steps_done = %(done)s, steps_total = %(total)s, rows_read = %(rows)s
WHERE id = (
    SELECT id FROM accounts_importrun WHERE id = %(run_id)s FOR NO KEY UPDATE SKIP LOCKED
)
"""


def connect_beside() -> BaseDatabaseWrapper:
    """A second connection to the same database; the caller closes it."""
    return connection.copy()


def write_progress(
    beside: BaseDatabaseWrapper, *, run_id: int, step: str, done: int, total: int, rows: int
) -> None:
    """Write how far a run is, visible to everybody at once.

    Plan: look-up by primary key.
    """
    with beside.cursor() as cursor:
        cursor.execute(
            _WRITE, {"run_id": run_id, "step": step, "done": done, "total": total, "rows": rows}
        )
