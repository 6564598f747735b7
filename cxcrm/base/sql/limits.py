from django.db import connection

_COUNT = """
INSERT INTO base_limitcount AS counted (bucket, window_at, count)
VALUES (%s, date_trunc('minute', statement_timestamp()), 1)
ON CONFLICT (bucket, window_at) DO UPDATE SET count = counted.count + 1
RETURNING count, extract(epoch FROM window_at + interval '1 minute' - statement_timestamp())
"""


def count_in_minute(*, bucket: str) -> tuple[int, float]:
    """Count in the minute of the database's clock; answers the count, and the seconds that are
    left of the minute. Plan: one row by the unique index. The table is not logged: a crash
    empties it, which forgives a minute."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [bucket])
        count, seconds_left = cursor.fetchone()
    return count, float(seconds_left)
