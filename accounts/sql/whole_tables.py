"""How statements over whole tables are run."""

from typing import Any

from django.db import connection, transaction


def run_on_all(statement: str, parameters: dict[str, Any]) -> int:
    """Run a statement that reads whole tables; answers how many rows it wrote.

    Where these were filled a moment ago they look empty to the planner, which would join all
    their rows one by one.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(statement, parameters)
        changed = cursor.rowcount
        cursor.execute("SET LOCAL enable_nestloop = on")
        return changed
