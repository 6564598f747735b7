"""What the planner would do on a day, by the planner's own pieces."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from accounts.sql.expressions import NOTICE_DEADLINE
from accounts.sql.policies import DUE_OF_STEP, LONGEST_DAYS_AFTER
from accounts.sql.renewals import CHOSEN, DUE_COLUMNS, STATE, STEPS_OF_DUE

_FROM = """
FROM {contracts} AS contract
JOIN accounts_account AS account ON account.id = contract.account_id
JOIN accounts_product AS product ON product.id = contract.product_id
"""
_WHERE = """
AND (%(brand_id)s::bigint IS NULL OR contract.brand_id = %(brand_id)s)
"""

# Today everything that is due and not decided yet.
_DUE_TODAY = f"""
due AS MATERIALIZED (
    SELECT {DUE_COLUMNS}, contract.state, contract.renewal_date, contract.term_months,
        %(on)s::date AS day, false AS is_overtaken
    {_FROM.format(contracts="accounts_contract")}
    WHERE contract.remind_on <= %(on)s {_WHERE}
)
"""

# On a day to come what will be due if nothing happens until then but time. Turned round: of which
# renewal dates, with which notice, does a step fall on the day (`hit`)? Of contracts that renew
# until then the renewal after that, or a later one, may be meant (`months` further on); dates of
# a start on the last days of a month are one of several. The periods of notice that there are
# (`notice`) are stepped through in their index, each from the one before.
_NOTICE_DEADLINE = NOTICE_DEADLINE.format(
    date="day.renewal_date", months="notice.notice_months", days="notice.notice_days"
)
# OFFSET 0: of a few dates the contracts are looked up; the planner expects thousands of them.
_RENEWING = """(
    SELECT found.*
    FROM (SELECT DISTINCT known_date FROM ahead) AS known
    CROSS JOIN LATERAL (
        SELECT * FROM accounts_contract
        WHERE state = 'running' AND renewal_date = known.known_date
        OFFSET 0
    ) AS found
    UNION ALL
    SELECT * FROM accounts_contract WHERE state = 'ordered'
)"""
_ENDING = f"""(
    SELECT found.*
    FROM (SELECT DISTINCT renewal_date FROM hit WHERE is_over) AS hit
    CROSS JOIN LATERAL (
        SELECT * FROM accounts_contract
        WHERE state = 'running' AND ends_on = hit.renewal_date - 1
        OFFSET 0
    ) AS found
    UNION ALL
    SELECT * FROM accounts_contract
    WHERE state = 'ended'
        AND remind_on BETWEEN %(on)s - 2 * {LONGEST_DAYS_AFTER} AND %(on)s
)"""
_DUE_LATER = f"""
notice AS (
    (
        SELECT notice_months, notice_days FROM accounts_contract
        ORDER BY notice_months, notice_days
        LIMIT 1
    )
    UNION ALL
    SELECT next.notice_months, next.notice_days
    FROM notice
    CROSS JOIN LATERAL (
        SELECT contract.notice_months, contract.notice_days
        FROM accounts_contract AS contract
        WHERE (contract.notice_months, contract.notice_days)
            > (notice.notice_months, notice.notice_days)
        ORDER BY contract.notice_months, contract.notice_days
        LIMIT 1
    ) AS next
), hit AS MATERIALIZED (
    SELECT DISTINCT renewal.renewal_date, notice.notice_months, notice.notice_days, renewal.is_over
    FROM accounts_reminderpolicystep AS step
    CROSS JOIN notice
    CROSS JOIN LATERAL (
        SELECT day::date AS renewal_date, step.days_before < 0 AS is_over
        FROM generate_series(
            %(on)s::date - {LONGEST_DAYS_AFTER},
            %(on)s::date + 5 + greatest(
                step.days_before, step.least_days_to_decide,
                31 * coalesce(step.latest_months, 0) + coalesce(step.latest_days, 0)
            ) + 31 * notice.notice_months + notice.notice_days,
            '1 day'
        ) AS day
    ) AS day
    CROSS JOIN LATERAL (
        SELECT day.renewal_date, day.is_over, {_NOTICE_DEADLINE} AS notice_deadline OFFSET 0
    ) AS renewal
    CROSS JOIN LATERAL {DUE_OF_STEP} AS due
    WHERE due.remind_on = %(on)s
), ahead AS MATERIALIZED (
    SELECT hit.renewal_date, hit.notice_months, hit.notice_days, 0 AS months,
        hit.renewal_date AS known_date
    FROM hit
    WHERE NOT hit.is_over
    UNION
    SELECT hit.renewal_date, hit.notice_months, hit.notice_days, months, known.known_date
    FROM hit
    CROSS JOIN generate_series(1, 12) AS months
    CROSS JOIN LATERAL (
        SELECT (hit.renewal_date - make_interval(months => months))::date AS day
    ) AS before
    CROSS JOIN LATERAL (
        SELECT day::date AS known_date
        FROM generate_series(
            before.day,
            CASE WHEN extract(month FROM hit.renewal_date + 1)
                    <> extract(month FROM hit.renewal_date)
                THEN date_trunc('month', before.day) + interval '1 month - 1 day'
                ELSE before.day END,
            '1 day'
        ) AS day
    ) AS known
    WHERE NOT hit.is_over AND known.known_date <= %(on)s
), due AS MATERIALIZED (
    SELECT {DUE_COLUMNS}, contract.state, ahead.renewal_date,
        CASE ahead.months WHEN 0 THEN contract.term_months
            ELSE contract.renewal_term_months END AS term_months,
        %(on)s::date AS day, false AS is_overtaken
    {_FROM.format(contracts=_RENEWING)}
    JOIN ahead ON ahead.known_date = contract.renewal_date
        AND ahead.notice_months = contract.notice_months
        AND ahead.notice_days = contract.notice_days
    WHERE (ahead.months = 0
            OR contract.after_term = 'renews'
                AND ahead.months %% contract.renewal_term_months = 0
                -- The first renewal after the day, no later one.
                AND ahead.renewal_date
                    - make_interval(months => contract.renewal_term_months) <= %(on)s
                AND (contract.starts_on + make_interval(months => (
                        (extract(year FROM ahead.renewal_date)
                            - extract(year FROM contract.starts_on)) * 12
                        + extract(month FROM ahead.renewal_date)
                        - extract(month FROM contract.starts_on)
                    )::int))::date = ahead.renewal_date)
        {_WHERE}
    UNION ALL
    SELECT {DUE_COLUMNS}, 'ended', NULL, NULL, %(on)s::date, false
    {_FROM.format(contracts=_ENDING)}
    JOIN hit ON hit.is_over AND hit.renewal_date - 1 = contract.ends_on
        AND hit.notice_months = contract.notice_months
        AND hit.notice_days = contract.notice_days
    {_WHERE.replace("AND", "WHERE", 1)}
)
"""

# The rows that are asked for and, beside each, the counts of all: both of one reading.
_REHEARSE = f"""
WITH RECURSIVE {{due}}, {STEPS_OF_DUE}, {CHOSEN.format(steps="{steps}")}, outcome AS MATERIALIZED (
    SELECT chosen.*, {STATE} AS state, remind_on < day AS is_late FROM chosen
), shown AS (
    SELECT outcome.contract_id, contract.external_id AS contract_number, account.id AS account_id,
        account.name AS account_name, account.external_id AS account_number,
        outcome.renewal_date, outcome.notice_deadline, outcome.policy_id, outcome.number,
        outcome.remind_on, outcome.state, outcome.is_clash, outcome.is_late, outcome.is_over,
        contact.id AS contact_id, coalesce(contact.name, '') AS contact_name,
        CASE WHEN contact.id IS NULL THEN '' ELSE outcome.mail_language END AS language
    FROM outcome
    JOIN accounts_contract AS contract ON contract.id = outcome.contract_id
    JOIN accounts_account AS account ON account.id = contract.account_id
    LEFT JOIN accounts_contact AS contact ON contact.id = outcome.contact_id
    WHERE (outcome.contract_id, outcome.number) > (%(after_contract)s, %(after_step)s)
    ORDER BY outcome.contract_id, outcome.number
    LIMIT %(limit)s
), counts AS (
    SELECT json_agg(json_build_array(state, is_clash, is_late, number)) AS numbers
    FROM (
        SELECT state, is_clash, is_late, count(*) AS number
        FROM outcome
        GROUP BY state, is_clash, is_late
    ) AS counted
)
SELECT counts.numbers, shown.*
FROM counts
LEFT JOIN shown ON TRUE
ORDER BY shown.contract_id, shown.number
"""

_TODAY = _REHEARSE.format(due=_DUE_TODAY, steps="step")
_LATER = _REHEARSE.format(due=_DUE_LATER, steps="(SELECT * FROM step WHERE remind_on = day)")


@dataclass(frozen=True, slots=True)
class RehearsedStep:
    contract_id: int
    contract_number: str
    account_id: int
    account_name: str
    account_number: str
    renewal_date: date
    notice_deadline: date
    policy_id: int
    step: int
    due_on: date
    state: str
    is_clash: bool
    is_late: bool
    is_over: bool
    contact_id: int | None
    contact_name: str
    language: str


@dataclass(frozen=True, slots=True)
class RehearsedCount:
    state: str
    is_clash: bool
    is_late: bool
    number: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`steps` are those asked for, `counts` of all that are due."""

    steps: list[RehearsedStep]
    counts: list[RehearsedCount]


def rehearse(
    *, on: date, today: date, brand_id: int | None, after: tuple[int, int], limit: int
) -> Rehearsal:
    """What would become of the steps that are due `on` a day, by contract and step, from behind
    `after`, and how many of each kind that would be; today all that are due by then.

    Plan: today range scan of `contract_to_remind`; later a look-up in `contract_by_notice` for
    each period of notice that there is, then those whose renewal date or last day is one of a few
    dozen, by `contract_to_renew` and `contract_under_notice`, those that are ordered, and those
    that have ended by `contract_to_remind`. Then as the planner.
    """
    statement = _TODAY if on <= today else _LATER
    after_contract, after_step = after
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "on": on,
                "brand_id": brand_id,
                "after_contract": after_contract,
                "after_step": after_step,
                "limit": limit,
            },
        )
        rows = cursor.fetchall()
    [counts, *_step] = rows[0]
    return Rehearsal(
        steps=[RehearsedStep(*step) for _counts, *step in rows if step[0]],
        counts=[RehearsedCount(*count) for count in counts or []],
    )
