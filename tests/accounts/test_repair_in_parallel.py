"""The nightly repair beside a change that is not committed yet."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connection, transaction

from accounts.models import Contract, ReminderPolicy, ReminderPolicyStep
from accounts.services.policies import save_policy
from accounts.services.policy_following import follow_policies
from cxcrm.base.clock import instant_on
from tests.accounts.cancelling import receive
from tests.accounts.deciding import have_policy
from tests.factories import ContractFactory

pytestmark = pytest.mark.django_db(transaction=True)
AT = instant_on(date(2026, 6, 2))
_IS_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def repair() -> int:
    try:
        return follow_policies(at=AT)
    finally:
        connection.close()


def wait_until_it_waits(run: Future) -> None:
    with connection.cursor() as cursor:
        while not run.done():
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(_IS_WAITING)
            if cursor.fetchone()[0]:
                return


def test_repair_computes_again_what_changed_while_it_waited():
    have_policy()
    contract = ContractFactory()
    save_policy(
        policy=ReminderPolicy(name="Germany", country="DE"),
        steps=[ReminderPolicyStep(days_before=60)],
    )

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            receive(contract, received_at=AT, at=AT)
            repaired = pool.submit(repair)
            wait_until_it_waits(repaired)
        repaired.result(timeout=60)

    changed = Contract.objects.get(pk=contract.pk)
    assert changed.ends_on == date(2027, 1, 14)
    assert (changed.renewal_date, changed.remind_on, changed.remind_step) == (None, None, None)
