"""What became of the mails of renewal reminders: the proof, and what was not delivered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.sql.renewal_tasks import OPEN_TASKS, RenewalTask, task_params
from cxcrm.outbox.services import Ending

# Reminders that are due after the renewal date tell of an end, all others of what is to come.
IS_TO_COME = """(
    CASE WHEN reminder.due_on > reminder.renewal_date
        THEN contract.state = 'ended' AND contract.ends_on + 1 = reminder.renewal_date
        ELSE contract.state IN ('ordered', 'running')
            AND contract.ends_on IS NULL
            AND NOT contract.awaits_decision
            AND contract.renewal_date = reminder.renewal_date
    END
)"""

# A reminder may have been decided again since: then a newer mail is on its way, or was.
_IS_NEWEST = """NOT EXISTS (
    SELECT FROM outbox_outgoingmail AS newer
    WHERE newer.kind = 'renewal_reminder' AND newer.subject_id = reminder.id
        AND newer.id > {mail_id}
)"""

# A reminder that is still to come, of which nobody has got the newest `mail`: it failed, was
# stopped or came back. Mails do not last: one that is gone and was never accepted `is_lost`.
NOT_SENT = f"""
FROM accounts_renewalreminder AS reminder
LEFT JOIN LATERAL (
    SELECT mail.state, mail.bounced_at
    FROM outbox_outgoingmail AS mail
    WHERE mail.kind = 'renewal_reminder' AND mail.subject_id = reminder.id
    ORDER BY mail.id DESC
    LIMIT 1
) AS mail ON TRUE
CROSS JOIN LATERAL (
    SELECT mail.state IS NULL AND reminder.accepted_at IS NULL AS is_lost
) AS proof
JOIN accounts_contract AS contract ON contract.id = reminder.contract_id
JOIN accounts_account AS account ON account.id = contract.account_id
WHERE (
        mail.state IN ('failed', 'suppressed')
        OR mail.bounced_at IS NOT NULL
        OR mail.state IS NULL AND reminder.bounced_at IS NOT NULL
        OR proof.is_lost
    )
    AND reminder.state = 'planned'
    AND {IS_TO_COME}
"""

_OPEN_TASKS = OPEN_TASKS.format(told="(SELECT * FROM told WHERE state = 'undelivered')")
_TOLD = """
reminder.contract_id, reminder.renewal_date, reminder.state,
    reminder.due_on > reminder.renewal_date AS is_over
"""

_NOTE = f"""
WITH ending AS (
    SELECT DISTINCT ON (subject_id) *
    FROM unnest(
        %(mail_ids)s::bigint[], %(subject_ids)s::bigint[], %(states)s::text[],
        %(finished)s::timestamptz[], %(relays)s::text[], %(bounced)s::timestamptz[]
    ) AS ending (mail_id, subject_id, state, finished_at, relay, bounced_at)
    ORDER BY subject_id, mail_id DESC
), known AS (
    SELECT reminder.id, ending.state, ending.finished_at, ending.relay, ending.bounced_at,
        contract.account_id, (%(at)s AT TIME ZONE account.time_zone)::date AS day,
        reminder.state = 'planned'
            AND reminder.kept_at IS NULL
            AND (ending.state <> 'accepted' OR ending.bounced_at IS NOT NULL)
            AND {_IS_NEWEST.format(mail_id="ending.mail_id")}
            AND {IS_TO_COME} AS is_missed
    FROM ending
    JOIN accounts_renewalreminder AS reminder ON reminder.id = ending.subject_id
    JOIN accounts_contract AS contract ON contract.id = reminder.contract_id
    JOIN accounts_account AS account ON account.id = contract.account_id
    ORDER BY reminder.id
    FOR NO KEY UPDATE OF reminder
), told AS (
    UPDATE accounts_renewalreminder AS reminder
    SET accepted_at = CASE known.state WHEN 'accepted' THEN known.finished_at
            ELSE reminder.accepted_at END,
        accepted_by = CASE known.state WHEN 'accepted' THEN known.relay
            ELSE reminder.accepted_by END,
        bounced_at = coalesce(known.bounced_at, reminder.bounced_at),
        state = CASE WHEN known.is_missed THEN 'undelivered' ELSE reminder.state END
    FROM known
    WHERE reminder.id = known.id
    RETURNING {_TOLD}, known.account_id, known.day, known.is_missed
), tasks AS (
    {_OPEN_TASKS}
)
SELECT count(*) FILTER (WHERE is_missed) FROM told
"""

_GIVE_UP = f"""
WITH undelivered AS (
    SELECT reminder.id, contract.account_id,
        (%(at)s AT TIME ZONE account.time_zone)::date AS day
    {NOT_SENT}
        AND reminder.contract_id = %(contract_id)s
    ORDER BY reminder.id
    FOR UPDATE OF reminder SKIP LOCKED
), told AS (
    UPDATE accounts_renewalreminder AS reminder SET state = 'undelivered'
    FROM undelivered
    WHERE reminder.id = undelivered.id
    RETURNING {_TOLD}, undelivered.account_id, undelivered.day
), tasks AS (
    {_OPEN_TASKS}
)
SELECT count(*) FROM told
"""


def note_endings(*, endings: Sequence[Ending], at: datetime, tasks: Sequence[RenewalTask]) -> int:
    """Write on the reminders which relay accepted their mails and what came back; those that
    nobody got although they are still to come are undelivered and become tasks. Answers how many.

    Plan: look-ups of reminders, contracts and accounts by primary key, of mails by `mail_subject`.
    """
    return _count(
        _NOTE,
        mail_ids=[ending.mail_id for ending in endings],
        subject_ids=[ending.subject_id for ending in endings],
        states=[ending.state for ending in endings],
        finished=[ending.finished_at for ending in endings],
        relays=[ending.relay for ending in endings],
        bounced=[ending.bounced_at for ending in endings],
        at=at,
        **task_params(tasks),
    )


def give_up_undelivered_reminders(
    *, contract_id: int, at: datetime, tasks: Sequence[RenewalTask]
) -> int:
    """The same for the reminders of one contract, however long ago their mails ended. Plan:
    look-ups of the reminders of the contract and their mails."""
    return _count(_GIVE_UP, contract_id=contract_id, at=at, **task_params(tasks))


def _count(statement: str, **params: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchone()[0]
