from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import RenewalReminder
from cxcrm.outbox.models import OutgoingMail
from tests.factories import AccountFactory, ContactFactory, ContractFactory

pytestmark = pytest.mark.django_db
REMIND = date(2030, 12, 1)


@pytest.fixture
def contract():
    account = AccountFactory()
    ContactFactory(account=account)
    return ContractFactory(account=account, starts_on=date(2030, 1, 15))


def run_due(*arguments: str) -> str:
    output = StringIO()
    call_command("run_due", *arguments, stdout=output)
    return output.getvalue()


def test_run_due_does_the_work_of_a_day_once(contract):
    run_due("--as-of", "2030-01-15")
    first = run_due("--as-of", REMIND.isoformat())
    again = run_due("--as-of", REMIND.isoformat())

    assert "         1  renewal reminders queued" in first
    assert "         0  renewal reminders queued" in again
    assert OutgoingMail.objects.count() == 1


def test_run_due_dry_run_tells_and_changes_nothing(contract):
    output = run_due("--as-of", REMIND.isoformat(), "--dry-run")

    assert output.startswith("2030-12-01 (dry run, nothing changed)\n")
    assert "         1  renewal reminders queued" in output
    assert RenewalReminder.objects.count() == OutgoingMail.objects.count() == 0
    contract.refresh_from_db()
    assert (contract.state, contract.remind_on) == ("ordered", REMIND)


def test_run_due_plays_no_future_in_production(contract, settings):
    settings.CXCRM_TEST_MODE = settings.CXCRM_DEMO = False

    with pytest.raises(CommandError, match="2030-12-01 has not come yet"):
        run_due("--as-of", REMIND.isoformat())

    assert RenewalReminder.objects.count() == 0
    assert "renewal reminders queued" in run_due("--as-of", REMIND.isoformat(), "--dry-run")


def test_run_due_names_a_day_that_is_none():
    with pytest.raises(CommandError, match=r"--as-of: 31\.12\.2030 is no day like 2026-01-31"):
        run_due("--as-of", "31.12.2030")


def test_run_due_takes_today_at_any_hour(settings, time_machine):
    settings.CXCRM_TEST_MODE = settings.CXCRM_DEMO = False
    time_machine.move_to("2026-11-22T06:00:00Z", tick=False)

    assert run_due("--as-of", "2026-11-22").startswith("2026-11-22\n")
