"""Tasks about renewals that no mail can tell of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Stands in a title for the renewal date.
DATE = "{date}"

# `{told}` is a subquery of contract_id, account_id, renewal_date, day, state, is_over. Each once
# per contract, renewal date and origin.
OPEN_TASKS = """
INSERT INTO accounts_task
    (account_id, contract_id, title, due_on, pool, origin, origin_key, state, result, created_at)
SELECT told.account_id, told.contract_id,
    replace(wording.title, '{{date}}', told.renewal_date::text), told.day, 'retention',
    wording.origin, told.contract_id || ':' || told.renewal_date, 'open', '', %(at)s
FROM {told} AS told
JOIN unnest(
    %(task_states)s::text[], %(task_is_over)s::bool[], %(task_origins)s::text[],
    %(task_titles)s::text[]
) AS wording (state, is_over, origin, title)
    ON wording.state = told.state AND wording.is_over = told.is_over
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class RenewalTask:
    """The task that a reminder of this state leads to; `is_over`: the contract has ended."""

    state: str
    is_over: bool
    origin: str
    title: str  # with DATE


def task_params(tasks: Sequence[RenewalTask]) -> dict[str, Any]:
    """What OPEN_TASKS is to be told."""
    return {
        "task_states": [task.state for task in tasks],
        "task_is_over": [task.is_over for task in tasks],
        "task_origins": [task.origin for task in tasks],
        "task_titles": [task.title for task in tasks],
    }
