"""The daily plan of renewal reminders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from accounts.sql.policies import IS_UNDECIDED, RENEWAL, STEPS
from accounts.sql.recipients import RECIPIENT
from accounts.sql.renewal_tasks import OPEN_TASKS, RenewalTask, task_params

# Has the renewal after this one come, too? Only after an outage of more than a term. Renewal dates
# are whole months from the start.
_IS_OVERTAKEN = """(
    contract.after_term = 'renews'
    AND (contract.starts_on + make_interval(months => contract.renewal_term_months + (
        (extract(year FROM contract.renewal_date) - extract(year FROM contract.starts_on)) * 12
        + extract(month FROM contract.renewal_date) - extract(month FROM contract.starts_on)
    )::int))::date <= today.day
)"""

# Too late for a mail of this step: the last day to cancel has passed and the lawful window does
# not lie behind it, or the renewal itself is past.
IS_PASSED = """(
    NOT {step}.is_over AND (
        {step}.is_deciding
            AND {day} > {step}.notice_deadline
            AND NOT ({step}.is_clash AND {day} <= coalesce({step}.latest_on, {step}.remind_on))
        OR {day} >= {step}.renewal_date AND {day} > {step}.remind_on
    )
)"""

# Until when the mail of a step is of use to its reader.
USEFUL_UNTIL = """
(CASE
    WHEN {step}.is_over THEN NULL
    WHEN {step}.is_deciding THEN greatest(
        {step}.notice_deadline,
        CASE WHEN {step}.is_clash THEN coalesce({step}.latest_on, {step}.remind_on) END
    ) + 1
    ELSE {step}.renewal_date
END)::timestamp AT TIME ZONE {time_zone}
"""

# What becomes of a step whose day has come and whose recipient is chosen. Of a renewal that
# another step tells of nobody is told twice at once, and nobody need be called.
STATE = """
CASE
    WHEN chosen.is_mail THEN
        CASE WHEN chosen.contact_id IS NULL THEN 'nobody' ELSE 'planned' END
    WHEN chosen.is_passed AND NOT EXISTS (
        SELECT FROM accounts_renewalreminder AS earlier
        WHERE earlier.contract_id = chosen.contract_id
            AND earlier.renewal_date = chosen.renewal_date
            AND earlier.state IN ('planned', 'done_before')
    ) THEN 'too_late'
    ELSE 'left_out'
END
"""

_OF_DUE = {"contract": "due", "account": "due", "product": "due"}
_RENEWAL = RENEWAL.format(
    renewal_date="due.renewal_date",
    term_months="due.term_months",
    has_ended="due.state = 'ended'",
    day="due.day",
    **_OF_DUE,
)

# Asked for where there is a mail to write and nowhere else.
_RECIPIENT = RECIPIENT.format(account_id="CASE WHEN judged.is_mail THEN judged.account_id END")

# From `due`: what is undecided of the renewal that each of these contracts is about.
STEPS_OF_DUE = f"""
step AS MATERIALIZED (
    SELECT due.id AS contract_id, due.account_id, due.language, due.time_zone, due.day,
        due.is_overtaken, renewal.renewal_date, renewal.notice_deadline, renewal.is_over,
        step.policy_id, step.number, step.remind_on, step.earliest_on, step.latest_on,
        step.is_clash, step.is_deciding
    FROM due
    CROSS JOIN LATERAL {_RENEWAL} AS renewal
    CROSS JOIN LATERAL {STEPS.format(**_OF_DUE)} AS step
    WHERE {IS_UNDECIDED.format(contract="due")}
)
"""

# From `{steps}`: which of them have their day, which of these is the one to write of, and to whom.
CHOSEN = f"""
judged AS MATERIALIZED (
    SELECT step.*, NOT step.is_passed AND 1 = row_number() OVER (
            PARTITION BY step.contract_id
            ORDER BY step.is_passed, step.remind_on DESC, step.number DESC
        ) AS is_mail
    FROM (
        SELECT step.*, {IS_PASSED.format(step="step", day="step.day")} AS is_passed
        FROM {{steps}} AS step
        WHERE step.remind_on <= step.day
    ) AS step
), chosen AS MATERIALIZED (
    SELECT judged.*, recipient.contact_id, recipient.address_id,
        coalesce(recipient.contact_language, judged.language) AS mail_language,
        {USEFUL_UNTIL.format(step="judged", time_zone="judged.time_zone")} AS useful_until
    FROM judged
    LEFT JOIN LATERAL {_RECIPIENT} AS recipient ON TRUE
)
"""

# What the pieces above ask of `due`.
DUE_COLUMNS = """
contract.id, contract.brand_id, contract.account_id, contract.starts_on,
    contract.first_term_months, contract.after_term, contract.renewal_term_months,
    contract.notice_months, contract.notice_days, contract.ends_on, contract.awaits_decision,
    account.country, account.region, account.customer_kind, account.language, account.time_zone,
    product.family
"""

# The contract's own days are only where to look: what is due, the policies say. That a day is
# taken off the contract, and the next one set, is the claim.
_DECIDE = f"""
WITH due AS MATERIALIZED (
    SELECT {DUE_COLUMNS}, contract.state, contract.renewal_date, contract.term_months, today.day,
        {_IS_OVERTAKEN} AS is_overtaken
    FROM accounts_contract AS contract
    JOIN accounts_account AS account ON account.id = contract.account_id
    JOIN accounts_product AS product ON product.id = contract.product_id
    CROSS JOIN LATERAL (SELECT (%(at)s AT TIME ZONE account.time_zone)::date AS day) AS today
    -- Nobody's day is further ahead than that of UTC+14: this bound is what the index serves.
    WHERE contract.remind_on <= (%(at)s AT TIME ZONE 'Etc/GMT-14')::date
        AND contract.remind_on <= today.day
    ORDER BY contract.remind_on, contract.id
    LIMIT %(limit)s
    FOR UPDATE OF contract SKIP LOCKED
), {STEPS_OF_DUE}, claimed AS (
    UPDATE accounts_contract AS contract
    SET remind_on = later.remind_on, remind_step = later.number
    FROM due
    LEFT JOIN (
        SELECT DISTINCT ON (contract_id) contract_id, remind_on, number
        FROM step
        WHERE remind_on > day
        ORDER BY contract_id, remind_on, number
    ) AS later ON later.contract_id = due.id
    WHERE contract.id = due.id
), {CHOSEN.format(steps="step")}, decided AS (
    INSERT INTO accounts_renewalreminder
        (contract_id, renewal_date, step, state, due_on, decided_on, decided_at, contact_id,
        policy_id, earliest_on, latest_on, is_clash)
    SELECT contract_id, renewal_date, number, {STATE}, remind_on, day, %(at)s, contact_id,
        policy_id, earliest_on, latest_on, is_clash
    FROM chosen
    ON CONFLICT (contract_id, renewal_date, step) DO NOTHING
    RETURNING id, contract_id, renewal_date, step, state
), told AS MATERIALIZED (
    SELECT decided.id, decided.state, chosen.*
    FROM decided
    JOIN chosen ON chosen.contract_id = decided.contract_id AND chosen.number = decided.step
), superseded AS (
    UPDATE accounts_renewalreminder AS held SET state = 'left_out'
    FROM told
    WHERE told.state = 'planned'
        AND held.contract_id = told.contract_id
        AND held.renewal_date = told.renewal_date
        AND held.state = 'held'
), tasks AS (
    -- Of several renewals of one contract that were missed, the newest alone becomes a task.
    {OPEN_TASKS.format(told="(SELECT * FROM told WHERE is_overtaken IS NOT TRUE)")}
)
SELECT batch.claimed, told.state, told.number, told.reminder_ids, told.account_ids,
    told.address_ids, told.languages, told.time_zones, told.useful_until
FROM (SELECT count(*) AS claimed FROM due) AS batch
LEFT JOIN (
    SELECT state, count(*) AS number, array_agg(id) AS reminder_ids,
        array_agg(account_id) AS account_ids, array_agg(address_id) AS address_ids,
        array_agg(mail_language) AS languages, array_agg(time_zone) AS time_zones,
        array_agg(useful_until) AS useful_until
    FROM told
    GROUP BY state
) AS told ON TRUE
"""


@dataclass(frozen=True, slots=True)
class ReminderMail:
    reminder_id: int
    account_id: int
    address_id: int
    language: str
    time_zone: str
    useful_until: datetime | None


@dataclass(frozen=True, slots=True)
class Decisions:
    """`claimed`: how many contracts were looked at. `mails` are still to be queued; the tasks are
    open."""

    claimed: int
    counts: dict[str, int]
    mails: list[ReminderMail]


def decide_due_reminders(*, at: datetime, limit: int, tasks: Sequence[RenewalTask]) -> Decisions:
    """Decide the reminders of up to `limit` contracts that are due, oldest first, take them off
    the contracts, which get the day of their next step, and open the tasks that follow.

    What is due and whether it is too late the policies say (`accounts.sql.policies`), the
    recipient is chosen as `accounts.sql.recipients` says. Rows that another planner holds are
    left to it; the unique constraint keeps a second decision away whatever happens.

    Plan: range scan of `contract_to_remind`, then look-ups of account, product, reminders,
    contacts and addresses; the few policies and steps are scanned for each contract.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DECIDE, {"at": at, "limit": limit, **task_params(tasks)})
        rows = cursor.fetchall()
    columns = {state: (number, mails) for _, state, number, *mails in rows if state}
    _, planned = columns.get("planned", (0, []))
    return Decisions(
        claimed=rows[0][0],
        counts={state: number for state, (number, _) in columns.items()},
        mails=[ReminderMail(*mail) for mail in zip(*planned, strict=True)],
    )
