"""Which reminder policy holds for a contract, and on which day each of its steps goes: the rule's
only home. Everybody who plans, refreshes, rehearses or lists puts these pieces together.

The pieces are lateral subqueries over rows that are in scope as `contract`, `account` and
`product`, or under other names that are given for `{contract}`, `{account}`, `{product}`.
"""

from accounts.sql.expressions import NOTICE_DEADLINE

# Nobody is told of an end that lies further back: as far as a step may go.
LONGEST_DAYS_AFTER = 30

# The months from a contract's start to the day after its last, if that is the end of a term.
_MONTHS_TO_END = """(
    SELECT spent.months
    FROM (
        SELECT ((extract(year FROM {contract}.ends_on + 1)
                - extract(year FROM {contract}.starts_on)) * 12
            + extract(month FROM {contract}.ends_on + 1)
            - extract(month FROM {contract}.starts_on))::int AS months
    ) AS spent
    WHERE ({contract}.starts_on + make_interval(months => spent.months))::date
            = {contract}.ends_on + 1
        AND CASE
            WHEN spent.months <= {contract}.first_term_months
                THEN spent.months = {contract}.first_term_months
            WHEN {contract}.after_term = 'renews'
                THEN (spent.months - {contract}.first_term_months)
                    %% {contract}.renewal_term_months = 0
        END
)"""

_NOTICE_DEADLINE = NOTICE_DEADLINE.format(
    date="about.renewal_date", months="{contract}.notice_months", days="{contract}.notice_days"
)

# The renewal that a contract's reminders are about, as `renewal`: the one to come, `{renewal_date}`
# and `{term_months}`, unless an end is set or to be decided; of those that have ended with their
# term (`{has_ended}`) the one that did not come. Else the date is empty.
RENEWAL = f"""(
    SELECT about.renewal_date, about.term_months, about.is_over,
        {_NOTICE_DEADLINE} AS notice_deadline,
        about.renewal_date = (
            {{contract}}.starts_on + make_interval(months => {{contract}}.first_term_months)
        )::date AS is_first_term
    FROM (
        SELECT over.is_over,
            CASE
                WHEN over.is_over AND over.months IS NOT NULL THEN {{contract}}.ends_on + 1
                WHEN NOT over.is_over
                    AND {{contract}}.state IN ('ordered', 'running')
                    AND {{contract}}.ends_on IS NULL
                    AND NOT {{contract}}.awaits_decision
                THEN {{renewal_date}}
            END AS renewal_date,
            CASE
                WHEN NOT over.is_over THEN {{term_months}}
                WHEN over.months = {{contract}}.first_term_months THEN over.months
                ELSE {{contract}}.renewal_term_months
            END AS term_months
        FROM (
            SELECT ended.is_over, CASE WHEN ended.is_over THEN {_MONTHS_TO_END} END AS months
            FROM (
                SELECT coalesce(
                    {{has_ended}} AND {{contract}}.ends_on >= {{day}} - 1 - {LONGEST_DAYS_AFTER},
                    false
                ) AS is_over
                OFFSET 0
            ) AS ended
            OFFSET 0
        ) AS over
        OFFSET 0
    ) AS about
    OFFSET 0
)"""

# Of the policies that match, the one that names most; of equals the one that names the country
# and region, then the kind, then the family. Two that name the same exclude each other.
POLICY = """(
    SELECT policy.id
    FROM accounts_reminderpolicy AS policy
    WHERE policy.country IN ('', {account}.country)
        AND policy.customer_kind IN ('', {account}.customer_kind)
        AND policy.product_family IN ('', {product}.family)
        AND policy.region IN ('', {account}.region)
        AND (policy.brand_id IS NULL OR policy.brand_id = {contract}.brand_id)
        -- Twelve months count as 365 days, three as 91.
        AND policy.min_term_days <= renewal.term_months * 365 / 12
        AND (NOT policy.first_term_only OR renewal.is_first_term)
        AND (policy.effective_from IS NULL OR policy.effective_from <= renewal.renewal_date)
        AND (policy.effective_until IS NULL OR policy.effective_until >= renewal.renewal_date)
    ORDER BY
        (policy.country <> '')::int + (policy.region <> '')::int
            + (policy.customer_kind <> '')::int + (policy.product_family <> '')::int
            + (policy.brand_id IS NOT NULL)::int DESC,
        policy.country <> '' DESC, policy.region <> '' DESC, policy.customer_kind <> '' DESC,
        policy.product_family <> '' DESC
    LIMIT 1
)"""

_BOUND = """
CASE WHEN step.{bound}_months IS NOT NULL OR step.{bound}_days IS NOT NULL
    THEN (anchor.day - make_interval(
        months => coalesce(step.{bound}_months, 0), days => coalesce(step.{bound}_days, 0)
    ))::date
END
"""

# When a `step` goes about `renewal`, and from when until when it lawfully may.
DUE_OF_STEP = f"""(
    SELECT bounds.earliest_on, bounds.latest_on,
        -- What is empty is no bound: least and greatest pass it over.
        least(
            greatest(
                least(
                    bounds.day - step.days_before,
                    renewal.notice_deadline - step.least_days_to_decide
                ),
                bounds.earliest_on
            ),
            bounds.latest_on
        ) AS remind_on
    FROM (
        SELECT anchor.day, {_BOUND.format(bound="earliest")} AS earliest_on,
            {_BOUND.format(bound="latest")} AS latest_on
        FROM (
            SELECT CASE step.anchor
                WHEN 'notice_deadline' THEN renewal.notice_deadline ELSE renewal.renewal_date
            END AS day
            OFFSET 0
        ) AS anchor
        OFFSET 0
    ) AS bounds
    OFFSET 0
)"""

# The steps of the policy that holds for `renewal`, each with its day. `is_deciding`: it is for
# those who have to decide, and too late after the notice deadline.
STEPS = f"""(
    SELECT policy.id AS policy_id, step.number, due.remind_on, due.earliest_on, due.latest_on,
        step.least_days_to_decide IS NOT NULL
            AND due.remind_on > renewal.notice_deadline - step.least_days_to_decide AS is_clash,
        step.least_days_to_decide IS NOT NULL OR step.anchor = 'notice_deadline' AS is_deciding
    FROM {POLICY} AS policy
    JOIN accounts_reminderpolicystep AS step
        ON step.policy_id = policy.id AND (step.days_before < 0) = renewal.is_over
    CROSS JOIN LATERAL {DUE_OF_STEP} AS due
)"""

# A step goes once, and never where the customer was told of the renewal on its day or later: else
# whoever changes the steps of a policy would mail everybody again.
# Asked for apart: the first is a look-up of one row.
IS_UNDECIDED = """(
    NOT EXISTS (
        SELECT FROM accounts_renewalreminder AS reminder
        WHERE reminder.contract_id = {contract}.id
            AND reminder.renewal_date = renewal.renewal_date
            AND reminder.step = step.number
    )
    AND NOT EXISTS (
        SELECT FROM accounts_renewalreminder AS told
        WHERE told.contract_id = {contract}.id
            AND told.renewal_date = renewal.renewal_date
            AND told.state IN ('planned', 'done_before')
            AND told.decided_on >= step.remind_on
        OFFSET 0
    )
)"""
