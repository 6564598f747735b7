"""The reminders that are still to come of one contract's renewal."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from accounts.sql.policies import IS_UNDECIDED, RENEWAL, STEPS

_NAMES = {"contract": "contract", "account": "account", "product": "product"}
_RENEWAL = RENEWAL.format(
    renewal_date="contract.renewal_date",
    term_months="contract.term_months",
    has_ended="contract.state = 'ended'",
    day="%(on)s::date",
    **_NAMES,
)

_PLANNED = f"""
SELECT step.number, step.remind_on, step.is_clash, step.policy_id
FROM accounts_contract AS contract
JOIN accounts_account AS account ON account.id = contract.account_id
JOIN accounts_product AS product ON product.id = contract.product_id
CROSS JOIN LATERAL {_RENEWAL} AS renewal
CROSS JOIN LATERAL {STEPS.format(**_NAMES)} AS step
WHERE contract.id = %(contract_id)s AND {IS_UNDECIDED.format(**_NAMES)}
ORDER BY step.remind_on, step.number
"""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    number: int
    remind_on: date
    is_clash: bool
    policy_id: int


def planned_steps(*, contract_id: int, on: date) -> list[PlannedStep]:
    """What is undecided of the renewal that a contract's reminders are about, on its own day.

    Plan: look-ups of contract, account, product and reminders; policies and steps are few.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PLANNED, {"contract_id": contract_id, "on": on})
        return [PlannedStep(*row) for row in cursor.fetchall()]
