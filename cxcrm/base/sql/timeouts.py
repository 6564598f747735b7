from django.db import connection


def stop_statements_after(*, seconds: float) -> None:
    """Let PostgreSQL give up each statement of this transaction after so long."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
