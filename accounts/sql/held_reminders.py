"""Reminders that wait for people, and those that nobody has decided in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from accounts.sql.policies import LONGEST_DAYS_AFTER, RENEWAL, STEPS
from accounts.sql.recipients import RECIPIENT
from accounts.sql.reminder_endings import IS_TO_COME, NOT_SENT
from accounts.sql.renewal_tasks import OPEN_TASKS, RenewalTask, task_params
from accounts.sql.renewals import IS_PASSED, STATE, USEFUL_UNTIL, ReminderMail

_NAMES = {"contract": "contract", "account": "account", "product": "product"}
_RENEWAL = RENEWAL.format(
    renewal_date="contract.renewal_date",
    term_months="contract.term_months",
    has_ended="contract.state = 'ended'",
    day="today.day",
    **_NAMES,
)
_RECIPIENT = RECIPIENT.format(account_id="CASE WHEN judged.is_mail THEN judged.account_id END")

# A step that its policy does not have any more is about deciding.
_DECIDE = f"""
WITH step AS MATERIALIZED (
    SELECT reminder.id, contract.id AS contract_id, contract.account_id, account.language,
        account.time_zone, today.day, reminder.renewal_date, reminder.due_on AS remind_on,
        reminder.step AS number, contract.notice_deadline, renewal.is_over, step.policy_id,
        step.earliest_on, step.latest_on, coalesce(step.is_clash, false) AS is_clash,
        coalesce(step.is_deciding, true) AS is_deciding,
        contract.remind_on BETWEEN reminder.due_on AND today.day AS is_followed
    FROM accounts_renewalreminder AS reminder
    JOIN accounts_contract AS contract ON contract.id = reminder.contract_id
    JOIN accounts_account AS account ON account.id = contract.account_id
    JOIN accounts_product AS product ON product.id = contract.product_id
    CROSS JOIN LATERAL (SELECT (%(at)s AT TIME ZONE account.time_zone)::date AS day) AS today
    CROSS JOIN LATERAL {_RENEWAL} AS renewal
    LEFT JOIN LATERAL (
        SELECT * FROM {STEPS.format(**_NAMES)} AS step WHERE step.number = reminder.step
    ) AS step ON TRUE
    WHERE reminder.state = 'held' AND reminder.id = ANY(%(reminder_ids)s)
), judged AS MATERIALIZED (
    -- Where a later step is due as well the planner is about to write of that.
    SELECT step.*, NOT step.is_passed AND step.is_followed IS NOT TRUE
        AND 1 = row_number() OVER (
            PARTITION BY step.contract_id
            ORDER BY step.is_passed, step.remind_on DESC, step.number DESC
        ) AS is_mail
    FROM (
        SELECT step.*, {IS_PASSED.format(step="step", day="step.day")} AS is_passed
        FROM step
    ) AS step
), chosen AS MATERIALIZED (
    SELECT judged.*, recipient.contact_id, recipient.address_id,
        coalesce(recipient.contact_language, judged.language) AS mail_language,
        {USEFUL_UNTIL.format(step="judged", time_zone="judged.time_zone")} AS useful_until
    FROM judged
    LEFT JOIN LATERAL {_RECIPIENT} AS recipient ON TRUE
), told AS (
    UPDATE accounts_renewalreminder AS reminder
    SET state = {STATE}, decided_on = chosen.day, decided_at = %(at)s,
        contact_id = chosen.contact_id, policy_id = chosen.policy_id,
        earliest_on = chosen.earliest_on, latest_on = chosen.latest_on,
        is_clash = chosen.is_clash
    FROM chosen
    WHERE reminder.id = chosen.id
    RETURNING reminder.id, reminder.state, reminder.renewal_date, chosen.contract_id,
        chosen.account_id, chosen.address_id, chosen.mail_language, chosen.time_zone,
        chosen.useful_until, chosen.day, chosen.is_over
), tasks AS (
    {OPEN_TASKS.format(told="told")}
)
SELECT id, state, account_id, address_id, mail_language, time_zone, useful_until FROM told
"""

# Until when people may decide: those who are to decide by the notice deadline have to be told by
# then, of an end as long as anybody is told of one, and else until the renewal.
_IS_EXPIRED = f"""
CASE
    WHEN reminder.due_on > reminder.renewal_date
        THEN reminder.renewal_date + {LONGEST_DAYS_AFTER} < today.day
    WHEN reminder.due_on > contract.notice_deadline THEN reminder.renewal_date <= today.day
    ELSE contract.notice_deadline < today.day
END
"""

# What came in after its notice deadline is left to people: it was no news to anybody. What a
# restore holds counts as decided on its day, by the server that was lost.
_EXPIRE = f"""
WITH expired AS (
    SELECT reminder.id, contract.account_id, today.day
    FROM accounts_renewalreminder AS reminder
    JOIN accounts_contract AS contract ON contract.id = reminder.contract_id
    JOIN accounts_account AS account ON account.id = contract.account_id
    CROSS JOIN LATERAL (SELECT (%(at)s AT TIME ZONE account.time_zone)::date AS day) AS today
    WHERE reminder.state = 'held'
        AND reminder.renewal_date > %(since)s
        AND {IS_TO_COME}
        AND greatest(contract.notice_deadline, reminder.due_on) >= reminder.decided_on
        AND {_IS_EXPIRED}
    ORDER BY reminder.renewal_date, reminder.id
    LIMIT %(limit)s
    FOR UPDATE OF reminder SKIP LOCKED
), told AS (
    UPDATE accounts_renewalreminder AS reminder
    SET state = 'too_late', decided_on = expired.day, decided_at = %(at)s
    FROM expired
    WHERE reminder.id = expired.id
    RETURNING reminder.contract_id, reminder.renewal_date, reminder.state, expired.account_id,
        expired.day, reminder.due_on > reminder.renewal_date AS is_over
), tasks AS (
    {OPEN_TASKS.format(told="told")}
)
SELECT count(*) FROM told
"""

_HOLD_STOPPED = f"""
UPDATE accounts_renewalreminder AS held SET state = 'held'
WHERE held.id IN (
    SELECT reminder.id
    {NOT_SENT}
        AND (mail.state = 'suppressed' OR proof.is_lost)
        AND reminder.contract_id = %(contract_id)s
)
RETURNING held.id
"""


@dataclass(frozen=True, slots=True)
class HeldDecisions:
    """What became of held reminders, and the mails that are still to be queued."""

    states: dict[int, str]
    mails: list[ReminderMail]


def decide_held_reminders(
    *, reminder_ids: Sequence[int], at: datetime, tasks: Sequence[RenewalTask]
) -> HeldDecisions:
    """Decide these reminders, which the caller has locked, as due ones are decided, and open the
    tasks that follow.

    Plan: look-ups of the reminders by primary key, then of contract, account, product, contacts
    and addresses.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _DECIDE, {"reminder_ids": list(reminder_ids), "at": at, **task_params(tasks)}
        )
        rows = cursor.fetchall()
    return HeldDecisions(
        states={reminder_id: state for reminder_id, state, *_ in rows},
        mails=[
            ReminderMail(reminder_id, *mail)
            for reminder_id, state, *mail in rows
            if state == "planned"
        ],
    )


def expire_held_reminders(
    *, since: date, at: datetime, limit: int, tasks: Sequence[RenewalTask]
) -> int:
    """Turn up to `limit` held reminders into tasks about which it has become too late to decide
    since they were held, of renewals after `since` that are still to come and ends that nobody
    has been told of. Answers how many.

    Plan: range scan of `reminder_held`, look-ups of contract and account by primary key.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"since": since, "at": at, "limit": limit, **task_params(tasks)})
        return cursor.fetchone()[0]


def hold_stopped_reminders(*, contract_id: int) -> list[int]:
    """Hold the reminders of a contract's next renewal whose mails were stopped, or are gone without
    having been accepted, so that they are decided again.

    Plan: look-ups of the reminders of one contract and their mails.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_STOPPED, {"contract_id": contract_id})
        return [reminder_id for (reminder_id,) in cursor.fetchall()]
