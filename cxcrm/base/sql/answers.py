from django.db import connection


def take_name(name: str) -> bool:
    """Hold a name until the end of the transaction; False where somebody else holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return cursor.fetchone()[0]
