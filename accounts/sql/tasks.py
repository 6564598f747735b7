from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection

_INSERT = """
INSERT INTO accounts_task
    (account_id, contract_id, title, due_on, pool, origin, origin_key, state, result, created_at)
SELECT account_id, contract_id, title, due_on, pool, origin, origin_key, 'open', '', opened
FROM unnest(
    %(account_ids)s::bigint[], %(contract_ids)s::bigint[], %(titles)s::text[],
    %(due_days)s::date[], %(pools)s::text[], %(origins)s::text[], %(origin_keys)s::text[],
    %(opened)s::timestamptz[]
) AS task (account_id, contract_id, title, due_on, pool, origin, origin_key, opened)
ON CONFLICT DO NOTHING
"""


def insert_tasks(
    *,
    account_ids: Sequence[int],
    contract_ids: Sequence[int | None],
    titles: Sequence[str],
    due_days: Sequence[date],
    pools: Sequence[str],
    origins: Sequence[str],
    origin_keys: Sequence[str],
    opened: Sequence[datetime],
) -> int:
    """Open one task per position, each once per origin and key. Answers the number of new ones.

    Plan: one insert from a function scan; no task is read.
    """
    if not account_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            {
                "account_ids": list(account_ids),
                "contract_ids": list(contract_ids),
                "titles": list(titles),
                "due_days": list(due_days),
                "pools": list(pools),
                "origins": list(origins),
                "origin_keys": list(origin_keys),
                "opened": list(opened),
            },
        )
        return cursor.rowcount
