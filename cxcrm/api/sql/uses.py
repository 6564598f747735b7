from datetime import datetime

from django.db import connection

_COUNT = """
INSERT INTO api_keyuse AS used (key_id, hour, reads, writes, refused)
SELECT %(key_id)s, date_trunc('hour', %(at)s::timestamptz, 'UTC'),
    %(reads)s, %(writes)s, %(refused)s
FROM set_config('synchronous_commit', 'off', true)
ON CONFLICT (key_id, hour) DO UPDATE SET
    reads = used.reads + excluded.reads,
    writes = used.writes + excluded.writes,
    refused = used.refused + excluded.refused
"""


def count_use(
    *, key_id: int, at: datetime, reads: int = 0, writes: int = 0, refused: int = 0
) -> None:
    """Add to the uses of a key in the hour of `at`. Plan: one row by the unique index.

    In a transaction of its own no request waits for the disk because of it; a crash of the
    database then forgets the counts of the last second.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {"key_id": key_id, "at": at, "reads": reads, "writes": writes, "refused": refused},
        )
