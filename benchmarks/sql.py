"""What the benchmarks say to PostgreSQL themselves: past months for made-up data, and floors."""

from datetime import date
from pathlib import Path

from django.db import connection, connections
from psycopg.sql import SQL, Composed, Identifier
from tqdm import tqdm

# What becomes of a reminder that was due. An account's first contact bears its number.
_PAST_STATE = """
    CASE
        WHEN contact.address_id IS NULL THEN 'nobody'
        WHEN contract.id %% 200 = 0 THEN 'too_late'
        WHEN contract.id %% 200 = 1 THEN 'held'
        ELSE 'planned'
    END
"""

# Everything that was due before the day is decided and off the contracts, which then need the day
# of their next step.
_DECIDE_DUE = f"""
WITH due AS (
    SELECT id, renewal_date, remind_on, remind_step
    FROM accounts_contract
    WHERE remind_on < %(day)s
), taken AS (
    UPDATE accounts_contract AS contract SET remind_on = NULL, remind_step = NULL
    FROM due
    WHERE contract.id = due.id
)
INSERT INTO accounts_renewalreminder
    (contract_id, renewal_date, step, state, due_on, decided_on, decided_at, contact_id)
SELECT contract.id, due.renewal_date, due.remind_step, {_PAST_STATE}, due.remind_on,
    due.remind_on, (due.remind_on + time '10:00') AT TIME ZONE 'UTC', contact.id
FROM due
JOIN accounts_contract AS contract ON contract.id = due.id
JOIN accounts_contact AS contact ON contact.id = contract.account_id
WHERE due.renewal_date IS NOT NULL
ORDER BY due.remind_on, contract.id
RETURNING contract_id
"""

_PAST = [
    # The reminders of the renewals that were.
    f"""
    INSERT INTO accounts_renewalreminder
        (contract_id, renewal_date, step, state, due_on, decided_on, decided_at, contact_id)
    SELECT contract.id, past.on_day, 1, {_PAST_STATE}, past.on_day - 45, past.on_day - 45,
        (past.on_day - 45 + time '10:00') AT TIME ZONE 'UTC', contact.id
    FROM accounts_contract AS contract
    JOIN accounts_contact AS contact ON contact.id = contract.account_id
    CROSS JOIN LATERAL (
        SELECT (contract.renewal_date - make_interval(months => contract.term_months))::date
            AS on_day
    ) AS past
    WHERE contract.state = 'running'
        AND contract.ends_on IS NULL
        AND contract.term_months >= 3
        AND past.on_day > contract.starts_on
        AND past.on_day - 45 BETWEEN %(day)s - %(past_days)s AND %(day)s - 1
    ORDER BY past.on_day, contract.id
    """,
    """
    INSERT INTO outbox_outgoingmail
        (kind, subject_id, occasion, account_id, address_id, language, state, planned_at, due_at,
        attempt, uncertain, worker, finished_at, outcome, subject_line, facts, template_version)
    SELECT 'renewal_reminder', reminder.id, '', account.id, contact.address_id, account.language,
        CASE
            WHEN reminder.id %% 1000 < 3 THEN 'failed'
            WHEN reminder.id %% 1000 < 8 THEN 'suppressed'
            ELSE 'accepted'
        END,
        reminder.decided_at, reminder.decided_at, 1, 0, 'bench:1',
        reminder.decided_at + interval '1 minute', '250 OK',
        'Your contract ' || contract.external_id || ' renews on ' || reminder.renewal_date,
        jsonb_build_object(
            'brand', jsonb_build_object(
                'name', brand.name, 'legal_name', brand.legal_name, 'imprint', brand.imprint,
                'base_url', brand.base_url, 'accent_colour', brand.accent_colour,
                'sender_name', brand.sender_name, 'sender_address', brand.sender_address,
                'service_address', brand.service_address, 'service_phone', brand.service_phone
            ),
            'recipient_name', contact.name, 'product', product.name,
            'contract_number', contract.external_id, 'renewal_date', reminder.renewal_date,
            'notice_deadline', contract.notice_deadline, 'price_now', contract.price::text,
            'price_after', contract.price::text, 'currency', contract.currency,
            'billing_period_months', contract.billing_period_months,
            'tax_rate', contract.tax_rate::text, 'with_tax', true, 'renews', true,
            'renewal_term_months', contract.renewal_term_months, 'is_late', false
        ),
        md5('template')
    FROM accounts_renewalreminder AS reminder
    JOIN accounts_contract AS contract ON contract.id = reminder.contract_id
    JOIN accounts_account AS account ON account.id = contract.account_id
    JOIN accounts_brand AS brand ON brand.id = contract.brand_id
    JOIN accounts_product AS product ON product.id = contract.product_id
    JOIN accounts_contact AS contact ON contact.id = reminder.contact_id
    WHERE reminder.state = 'planned'
    ORDER BY reminder.id
    """,
    """
    INSERT INTO accounts_timelineevent (account_id, contract_id, kind, occurred_at, facts)
    SELECT account_id, id, kind, (on_day + time '10:00') AT TIME ZONE 'UTC', facts
    FROM (
        SELECT account_id, id, 'contract_added' AS kind, concluded_on AS on_day,
            '{}'::jsonb AS facts
        FROM accounts_contract
        UNION ALL
        SELECT account_id, id, 'contract_started', starts_on,
            jsonb_build_object('starts_on', starts_on)
        FROM accounts_contract
        WHERE state <> 'ordered'
        UNION ALL
        SELECT account_id, id, 'contract_ended', ends_on, jsonb_build_object('ends_on', ends_on)
        FROM accounts_contract
        WHERE state = 'ended'
        UNION ALL
        SELECT contract.account_id, contract.id, 'contract_renewed', reminder.renewal_date,
            jsonb_build_object('renewed_on', reminder.renewal_date)
        FROM accounts_renewalreminder AS reminder
        JOIN accounts_contract AS contract ON contract.id = reminder.contract_id
    ) AS event
    WHERE on_day BETWEEN %(day)s - %(past_days)s AND %(day)s - 1
    ORDER BY on_day, id
    """,
    # Of a thousand contracts two have an open task, of a hundred two have one that is done.
    """
    INSERT INTO accounts_task
        (account_id, contract_id, title, due_on, assignee_id, pool, origin, origin_key, state,
        result, created_at, done_at, done_by_id)
    SELECT account_id, id,
        (ARRAY['Call back about the invoice', 'Explain the new price', 'Move to another server',
            'Ask about the domain', 'Help with the mailbox'])[1 + lot %% 5] || ' ' || external_id,
        due_on, CASE WHEN lot %% 4 > 0 THEN 1 + lot / 4 %% %(staff)s END,
        (ARRAY['service', 'retention', 'billing'])[1 + lot %% 3], 'by_hand', '',
        CASE WHEN open THEN 'open' ELSE 'done' END, CASE WHEN open THEN '' ELSE 'Settled.' END,
        (due_on + time '10:00') AT TIME ZONE 'UTC' - interval '7 days',
        CASE WHEN NOT open THEN (due_on + time '10:00') AT TIME ZONE 'UTC' END,
        CASE WHEN NOT open THEN 1 + lot %% %(staff)s END
    FROM (
        SELECT id, account_id, external_id, id %% 500 = 0 AS open, hashint8(id) & 65535 AS lot
        FROM accounts_contract
        WHERE id %% 500 = 0 OR id %% 50 = 1
    ) AS contract
    CROSS JOIN LATERAL (
        SELECT CASE WHEN open THEN %(day)s - 7 + lot %% 30
            ELSE %(day)s - %(past_days)s + lot %% %(past_days)s END AS due_on
    ) AS due
    ORDER BY id
    """,
]

# What a day's reminders need at the least, written for one day of one zone: the policy of each
# contract that is due, its reminder, its mail, and the day of the next step in the place of this
# one. No time zones, no steps that were missed, no tasks; the first contact that has an address.
_PLAN_FLOOR = """
WITH due AS MATERIALIZED (
    SELECT contract.id, contract.account_id, contract.renewal_date, contract.remind_on,
        contract.remind_step, account.language, contact.id AS contact_id, contact.address_id,
        policy.id AS policy_id
    FROM accounts_contract AS contract
    JOIN accounts_account AS account ON account.id = contract.account_id
    JOIN accounts_product AS product ON product.id = contract.product_id
    JOIN LATERAL (
        SELECT policy.id
        FROM accounts_reminderpolicy AS policy
        WHERE policy.country IN ('', account.country)
            AND policy.region IN ('', account.region)
            AND policy.customer_kind IN ('', account.customer_kind)
            AND policy.product_family IN ('', product.family)
        ORDER BY (policy.country <> '')::int + (policy.region <> '')::int
            + (policy.customer_kind <> '')::int + (policy.product_family <> '')::int DESC
        LIMIT 1
    ) AS policy ON true
    JOIN LATERAL (
        SELECT contact.id, contact.address_id
        FROM accounts_contact AS contact
        WHERE contact.account_id = contract.account_id AND contact.address_id IS NOT NULL
        ORDER BY contact.id
        LIMIT 1
    ) AS contact ON true
    WHERE contract.remind_on <= %(day)s
), taken AS (
    UPDATE accounts_contract AS contract
    SET remind_on = due.renewal_date - step.days_before, remind_step = step.number
    FROM due
    LEFT JOIN accounts_reminderpolicystep AS step
        ON step.policy_id = due.policy_id AND step.number = due.remind_step + 1
            AND step.days_before >= 0
    WHERE contract.id = due.id
), decided AS (
    INSERT INTO accounts_renewalreminder
        (contract_id, renewal_date, step, state, due_on, decided_on, decided_at, contact_id,
        policy_id)
    SELECT id, renewal_date, remind_step, 'planned', remind_on, %(day)s, now(), contact_id,
        policy_id
    FROM due
    RETURNING id, contract_id
)
INSERT INTO outbox_outgoingmail
    (kind, subject_id, occasion, account_id, address_id, language, state, planned_at, due_at,
    attempt, uncertain, worker, outcome, subject_line, template_version)
SELECT 'renewal_reminder', decided.id, '', due.account_id, due.address_id, due.language, 'queued',
    now(), now(), 0, 0, '', '', '', ''
FROM decided
JOIN due ON due.id = decided.contract_id
"""

# What starts, ends and renews in a day, each as one update by the day alone.
_ADVANCE_FLOOR = [
    """
    UPDATE accounts_contract SET state = 'running'
    WHERE state = 'ordered' AND starts_on <= %(day)s
    """,
    """
    UPDATE accounts_contract
    SET state = 'ended', renewal_date = NULL, term_months = NULL, remind_on = NULL,
        remind_step = NULL
    WHERE state = 'running' AND ends_on < %(day)s
    """,
    """
    UPDATE accounts_contract
    SET renewal_date = (renewal_date + make_interval(months => renewal_term_months))::date,
        remind_on = (renewal_date + make_interval(months => renewal_term_months))::date - 45,
        remind_step = 1
    WHERE state = 'running' AND renewal_date <= %(day)s
    """,
]

# What a feed of new contracts needs at the least: no checks, no dates, no events.
_COPY_FLOOR = """
INSERT INTO accounts_contract (brand_id, account_id, product_id, external_id, state, concluded_on,
    starts_on, first_term_months, after_term, renewal_term_months, notice_months, notice_days,
    price, tax_rate, currency, billing_period_months)
SELECT account.brand_id, account.id, product.id, staged.contract_number, 'running',
    staged.starts_on::date, staged.starts_on::date, staged.first_term_months::smallint,
    staged.after_term, staged.renewal_term_months::smallint, staged.notice_months::smallint,
    staged.notice_days::smallint, staged.price::numeric, staged.tax_rate::numeric,
    staged.currency, staged.billing_period_months::smallint
FROM bench_feed AS staged
JOIN accounts_account AS account
    ON account.brand_id = %(brand_id)s AND account.external_id = staged.account_number
JOIN accounts_product AS product
    ON product.brand_id = %(brand_id)s AND product.code = staged.product_code
"""


def decide_due_reminders(*, day: date) -> list[int]:
    """Decide what is due before `day`; answers the contracts, whose dates are to be refreshed."""
    with connection.cursor() as cursor:
        cursor.execute(_DECIDE_DUE, {"day": day})
        return [contract_id for (contract_id,) in cursor.fetchall()]


def add_past(*, day: date, past_days: int, staff: int) -> None:
    """Reminders, mails, events and tasks of the `past_days` before `day`, from the contracts."""
    with connection.cursor() as cursor:
        for statement in tqdm(_PAST, desc="past months"):
            # Each reads what the one before has written, of which the planner knows nothing yet.
            collect_statistics()
            cursor.execute(statement, {"day": day, "past_days": past_days, "staff": staff})


def insert_due_reminders(*, day: date) -> int:
    """The floor of the daily plan; answers the number of mails."""
    with connection.cursor() as cursor:
        cursor.execute(_PLAN_FLOOR, {"day": day})
        return cursor.rowcount


def update_due_contracts(*, day: date) -> int:
    """The floor of what the clock does to contracts; answers how many rows it wrote."""
    with connection.cursor() as cursor:
        written = 0
        for statement in _ADVANCE_FLOOR:
            cursor.execute(statement, {"day": day})
            written += cursor.rowcount
        return written


def copy_contracts(feed: Path, *, columns: list[str], brand_id: int) -> int:
    """The floor of an import: COPY, then one INSERT .. SELECT; answers how many rows it wrote."""
    described = SQL(", ").join(SQL("{} text").format(Identifier(column)) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(SQL("CREATE TEMPORARY TABLE bench_feed ({})").format(described))
        with (
            feed.open("rb") as file,
            cursor.copy("COPY bench_feed FROM STDIN (FORMAT csv, HEADER)") as copy,
        ):
            while block := file.read(65_536):
                copy.write(block)
        cursor.execute("ANALYZE bench_feed")
        cursor.execute(_COPY_FLOOR, {"brand_id": brand_id})
        return cursor.rowcount


def newest_rows(table: str, *, limit: int) -> list[tuple]:
    """The floor of a list: the newest rows of one table as they are."""
    newest = SQL("SELECT * FROM {} ORDER BY id DESC LIMIT {}").format(Identifier(table), limit)
    with connection.cursor() as cursor:
        cursor.execute(newest)
        return cursor.fetchall()


def collect_statistics() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def vacuum(*, analyze: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if analyze else "VACUUM")


def restart_ids(tables: list[str]) -> None:
    """Let the next ids follow those that were given."""
    restart = SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), max(id)) FROM {}")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(restart.format(table, Identifier(table)))


def note_origin(text: str) -> None:
    """Write on the database what it was filled with."""
    name = Identifier(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(SQL("COMMENT ON DATABASE {} IS {}").format(name, text))


def server() -> str:
    """The server's version and the settings that plans and speed depend on most."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT 'PostgreSQL ' || current_setting('server_version')
                || string_agg(', ' || name || ' ' || current_setting(name), '' ORDER BY name)
            FROM pg_settings
            WHERE name IN ('fsync', 'random_page_cost', 'shared_buffers', 'work_mem')
            """
        )
        return cursor.fetchone()[0]


def origin() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT shobj_description(oid, 'pg_database') FROM pg_database
            WHERE datname = current_database()
            """
        )
        return cursor.fetchone()[0]


def sum_yearly_values(*, day: date) -> int:
    """What the recurring revenue of a day costs where nothing has ever changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT brand_id, currency, sum(yearly_value), count(*), count(DISTINCT account_id)
            FROM accounts_contract
            WHERE starts_on <= %(day)s AND (ends_on IS NULL OR ends_on >= %(day)s)
            GROUP BY brand_id, currency
            """,
            {"day": day},
        )
        return len(cursor.fetchall())


def use_copy_of_database() -> None:
    """Go on with a copy of the database, which nobody else may use while it is made."""
    original = str(connection.settings_dict["NAME"])
    copy = f"{original}_copy"
    _on_the_server(
        SQL("DROP DATABASE IF EXISTS {copy}").format(copy=Identifier(copy)),
        SQL("CREATE DATABASE {copy} TEMPLATE {original}").format(
            copy=Identifier(copy), original=Identifier(original)
        ),
    )
    connection.settings_dict["NAME"] = copy


def drop_copy_of_database() -> None:
    copy = str(connection.settings_dict["NAME"])
    connection.settings_dict["NAME"] = copy.removesuffix("_copy")
    _on_the_server(SQL("DROP DATABASE {copy}").format(copy=Identifier(copy)))


def _on_the_server(*statements: Composed) -> None:
    """From outside the database: while somebody is connected it is neither copied nor dropped."""
    connections.close_all()
    with connection._nodb_cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
