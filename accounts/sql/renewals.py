"""The daily plan of renewal reminders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from accounts.sql.recipients import RECIPIENT

# Has the renewal after this one come, too? Only after an outage of more than a term. Renewal dates
# are whole months from the start.
_IS_OVERTAKEN = """(
    contract.after_term = 'renews'
    AND (contract.starts_on + make_interval(months => contract.renewal_term_months + (
        (extract(year FROM contract.renewal_date) - extract(year FROM contract.starts_on)) * 12
        + extract(month FROM contract.renewal_date) - extract(month FROM contract.starts_on)
    )::int))::date <= today.day
)"""

# What becomes of a reminder whose recipient is chosen.
_STATE = """
CASE
    WHEN chosen.day > chosen.notice_deadline THEN 'too_late'
    WHEN chosen.contact_id IS NULL THEN 'nobody'
    ELSE 'planned'
END
"""

_DECIDE = f"""
WITH due AS MATERIALIZED (
    SELECT contract.id, contract.account_id, contract.renewal_date, contract.remind_on,
        contract.notice_deadline, today.day, account.language,
        {_IS_OVERTAKEN} AS is_overtaken
    FROM accounts_contract AS contract
    JOIN accounts_account AS account ON account.id = contract.account_id
    CROSS JOIN LATERAL (SELECT (%(at)s AT TIME ZONE account.time_zone)::date AS day) AS today
    -- Nobody's day is further ahead than that of UTC+14: this bound is what the index serves.
    WHERE contract.remind_on <= (%(at)s AT TIME ZONE 'Etc/GMT-14')::date
        AND contract.remind_on <= today.day
    ORDER BY contract.remind_on, contract.id
    LIMIT %(limit)s
    FOR UPDATE OF contract SKIP LOCKED
), claimed AS (
    UPDATE accounts_contract AS contract SET remind_on = NULL FROM due WHERE contract.id = due.id
), chosen AS MATERIALIZED (
    SELECT due.*, recipient.contact_id, recipient.address_id,
        coalesce(recipient.contact_language, due.language) AS mail_language
    FROM due
    LEFT JOIN LATERAL {RECIPIENT.format(account_id="due.account_id")} AS recipient ON TRUE
), decided AS (
    INSERT INTO accounts_renewalreminder
        (contract_id, renewal_date, step, state, due_on, decided_on, decided_at, contact_id)
    SELECT id, renewal_date, 1,
        {_STATE},
        remind_on, day, %(at)s, contact_id
    FROM chosen
    ON CONFLICT (contract_id, renewal_date, step) DO NOTHING
    RETURNING id, contract_id, state
)
SELECT decided.id, decided.state, chosen.id, chosen.account_id, chosen.renewal_date, chosen.day,
    chosen.address_id, chosen.mail_language, chosen.is_overtaken
FROM chosen LEFT JOIN decided ON decided.contract_id = chosen.id
"""

_IS_TO_COME = """
    contract.state IN ('ordered', 'running')
    AND contract.ends_on IS NULL
    AND NOT contract.awaits_decision
    AND contract.renewal_date = reminder.renewal_date
"""

_DECIDE_HELD = f"""
WITH chosen AS MATERIALIZED (
    SELECT reminder.id, contract.id AS contract_id, contract.account_id, contract.renewal_date,
        contract.notice_deadline, today.day, recipient.contact_id, recipient.address_id,
        coalesce(recipient.contact_language, account.language) AS mail_language
    FROM accounts_renewalreminder AS reminder
    JOIN accounts_contract AS contract ON contract.id = reminder.contract_id
    JOIN accounts_account AS account ON account.id = contract.account_id
    CROSS JOIN LATERAL (SELECT (%(at)s AT TIME ZONE account.time_zone)::date AS day) AS today
    LEFT JOIN LATERAL {RECIPIENT.format(account_id="contract.account_id")} AS recipient ON TRUE
    WHERE reminder.state = 'held' AND {{which}}
)
UPDATE accounts_renewalreminder AS reminder
SET state = {_STATE}, decided_on = chosen.day, decided_at = %(at)s, contact_id = chosen.contact_id
FROM chosen
WHERE reminder.id = chosen.id
RETURNING reminder.id, reminder.state, chosen.contract_id, chosen.account_id,
    chosen.renewal_date, chosen.day, chosen.address_id, chosen.mail_language
"""

_OF_IDS = "reminder.id = ANY(%(reminder_ids)s)"

# One that came in after its notice deadline is left to people: it was no news to anybody.
_EXPIRED = f"""
        reminder.renewal_date > %(since)s
        AND {_IS_TO_COME}
        AND contract.notice_deadline >= reminder.decided_on
        AND contract.notice_deadline < today.day
    ORDER BY reminder.renewal_date, reminder.id
    LIMIT %(limit)s
    FOR UPDATE OF reminder SKIP LOCKED
"""

# The mail of a reminder that failed or was stopped although the renewal is still to come: the
# newest one, for a reminder may have been decided again since.
_NOT_SENT = f"""
FROM accounts_renewalreminder AS reminder
JOIN outbox_outgoingmail AS mail
    ON mail.kind = 'renewal_reminder' AND mail.subject_id = reminder.id
JOIN accounts_contract AS contract ON contract.id = reminder.contract_id
JOIN accounts_account AS account ON account.id = contract.account_id
WHERE mail.state IN ('failed', 'suppressed')
    AND NOT EXISTS (
        SELECT FROM outbox_outgoingmail AS newer
        WHERE newer.kind = mail.kind AND newer.subject_id = mail.subject_id AND newer.id > mail.id
    )
    AND reminder.state = 'planned'
    AND {_IS_TO_COME}
"""

_HOLD_STOPPED = f"""
UPDATE accounts_renewalreminder AS held SET state = 'held'
WHERE held.id IN (
    SELECT reminder.id
    {_NOT_SENT}
        AND mail.state = 'suppressed'
        AND reminder.contract_id = %(contract_id)s
)
RETURNING held.id
"""

_GIVE_UP = f"""
WITH undelivered AS (
    SELECT reminder.id, contract.id AS contract_id, contract.account_id, reminder.renewal_date,
        (%(at)s AT TIME ZONE account.time_zone)::date AS day
    {_NOT_SENT}
        {{which}}
    ORDER BY reminder.id
    FOR UPDATE OF reminder SKIP LOCKED
)
UPDATE accounts_renewalreminder AS reminder SET state = 'undelivered'
FROM undelivered
WHERE reminder.id = undelivered.id
RETURNING undelivered.contract_id, undelivered.account_id, undelivered.renewal_date,
    undelivered.day
"""


@dataclass(frozen=True, slots=True)
class UndeliveredReminder:
    contract_id: int
    account_id: int
    renewal_date: date
    day: date


@dataclass(frozen=True, slots=True)
class DueReminder:
    reminder_id: int | None  # None: it had been decided before
    state: str | None
    contract_id: int
    account_id: int
    renewal_date: date
    day: date
    address_id: int | None
    language: str
    is_overtaken: bool = False  # the renewal after this one has come as well


def decide_due_reminders(*, at: datetime, limit: int) -> list[DueReminder]:
    """Decide up to `limit` due reminders, oldest first, and take them off the contracts.

    The recipient is chosen as `accounts.sql.recipients` says. Rows that another planner holds
    are left to it; the unique constraint keeps a second decision away whatever happens.

    Plan: range scan of `contract_to_remind`, then look-ups of account, contacts and addresses.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DECIDE, {"at": at, "limit": limit})
        return [DueReminder(*row) for row in cursor.fetchall()]


def decide_held_reminders(*, reminder_ids: Sequence[int], at: datetime) -> list[DueReminder]:
    """Decide these reminders, which the caller has locked, as due ones are decided.

    Plan: look-ups of the reminders by primary key, then of contract, account, contacts and
    addresses.
    """
    return _decide_held(_OF_IDS, reminder_ids=list(reminder_ids), at=at)


def decide_expired_reminders(*, since: date, at: datetime, limit: int) -> list[DueReminder]:
    """Decide up to `limit` held reminders whose notice deadline has passed since they were held,
    of renewals after `since` that are still to come.

    Plan: range scan of `reminder_held`, look-ups of contract and account by primary key, then of
    contacts and addresses for those that have expired.
    """
    return _decide_held(_EXPIRED, since=since, limit=limit, at=at)


def _decide_held(which: str, **params: Any) -> list[DueReminder]:
    with connection.cursor() as cursor:
        cursor.execute(_DECIDE_HELD.format(which=which), params)
        return [DueReminder(*row) for row in cursor.fetchall()]


def hold_stopped_reminder(*, contract_id: int) -> list[int]:
    """Hold the reminder of a contract's next renewal if its mail was stopped, so that it is
    decided again. Plan: look-ups of the reminders of one contract and their mails."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_STOPPED, {"contract_id": contract_id})
        return [reminder_id for (reminder_id,) in cursor.fetchall()]


def give_up_undelivered_reminders(*, since: datetime, at: datetime) -> list[UndeliveredReminder]:
    """Mark the reminders whose mail failed or was stopped after `since` although the renewal is
    still to come. Plan: range scan of `mail_not_sent`, look-ups by primary key."""
    return _give_up("AND mail.finished_at > %(since)s", since=since, at=at)


def give_up_undelivered_reminder(*, contract_id: int, at: datetime) -> list[UndeliveredReminder]:
    """The same for the reminder of one contract, however long ago its mail failed. Plan:
    look-ups of the reminders of the contract and their mails."""
    return _give_up("AND reminder.contract_id = %(contract_id)s", contract_id=contract_id, at=at)


def _give_up(which: str, **params: int | datetime) -> list[UndeliveredReminder]:
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_UP.format(which=which), params)
        return [UndeliveredReminder(*row) for row in cursor.fetchall()]
