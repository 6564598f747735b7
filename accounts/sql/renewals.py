"""The daily plan of renewal reminders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from accounts.sql.recipients import RECIPIENT

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
        contract.notice_deadline, today.day, account.language
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
    chosen.address_id, chosen.mail_language
FROM chosen LEFT JOIN decided ON decided.contract_id = chosen.id
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
    WHERE reminder.id = ANY(%(reminder_ids)s) AND reminder.state = 'held'
)
UPDATE accounts_renewalreminder AS reminder
SET state = {_STATE}, decided_on = chosen.day, decided_at = %(at)s, contact_id = chosen.contact_id
FROM chosen
WHERE reminder.id = chosen.id
RETURNING reminder.id, reminder.state, chosen.contract_id, chosen.account_id,
    chosen.renewal_date, chosen.day, chosen.address_id, chosen.mail_language
"""

_GIVE_UP = """
WITH undelivered AS (
    SELECT reminder.id, contract.id AS contract_id, contract.account_id, reminder.renewal_date,
        (%(at)s AT TIME ZONE account.time_zone)::date AS day
    FROM outbox_outgoingmail AS mail
    JOIN accounts_renewalreminder AS reminder ON reminder.id = mail.subject_id
    JOIN accounts_contract AS contract ON contract.id = reminder.contract_id
    JOIN accounts_account AS account ON account.id = contract.account_id
    WHERE mail.kind = 'renewal_reminder'
        AND mail.state IN ('failed', 'suppressed')
        AND mail.finished_at > %(since)s
        AND reminder.state = 'planned'
        AND contract.state IN ('ordered', 'running')
        AND contract.ends_on IS NULL
        AND contract.renewal_date = reminder.renewal_date
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
    with connection.cursor() as cursor:
        cursor.execute(_DECIDE_HELD, {"reminder_ids": list(reminder_ids), "at": at})
        return [DueReminder(*row) for row in cursor.fetchall()]


def give_up_undelivered_reminders(*, since: datetime, at: datetime) -> list[UndeliveredReminder]:
    """Mark the reminders whose mail failed or was stopped after `since` although the renewal is
    still to come. Plan: range scan of `mail_not_sent`, look-ups by primary key."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_UP, {"since": since, "at": at})
        return [UndeliveredReminder(*row) for row in cursor.fetchall()]
