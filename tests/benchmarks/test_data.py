from datetime import date

import pytest

from accounts.models import Contract, RenewalReminder
from accounts.services.contracts import advance_contracts
from accounts.services.renewals import plan_renewal_reminders
from benchmarks import rows
from benchmarks.data import fill
from cxcrm.base import clock
from cxcrm.outbox.models import OutgoingMail

DAY = date(2026, 6, 1)
BEFORE = date(2026, 5, 31)
SCALE = 0.001


@pytest.mark.parametrize("kind", [rows.accounts, rows.contacts, rows.contracts])
def test_rows_are_the_same_for_the_same_seed(kind):
    first = list(kind(scale=SCALE, seed=7, day=DAY))

    assert first == list(kind(scale=SCALE, seed=7, day=DAY))
    assert first != list(kind(scale=SCALE, seed=8, day=DAY))


@pytest.mark.django_db
def test_filling_leaves_exactly_the_work_of_the_day():
    fill(scale=SCALE, seed=7, day=DAY)

    assert Contract.objects.count() == 8_450
    assert RenewalReminder.objects.filter(decided_on__gte=DAY).count() == 0
    assert (
        OutgoingMail.objects.count() == RenewalReminder.objects.filter(state="planned").count() > 0
    )
    assert sum(plan_renewal_reminders(at=clock.instant_on(BEFORE)).values()) == 0
    assert sum(advance_contracts(at=clock.instant_on(BEFORE)).values()) == 0
    due = Contract.objects.filter(remind_on=DAY).count()
    assert sum(plan_renewal_reminders(at=clock.instant_on(DAY)).values()) == due > 0
