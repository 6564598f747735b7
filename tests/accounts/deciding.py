"""What the tests of decision links share: a reminder that went out, and its link."""

from datetime import date, datetime, timedelta

from django.apps import apps
from django.test import Client

from accounts.models import Contract, DecisionCode, ReminderPolicy, RenewalReminder
from accounts.services.decision_codes import DECISION_CODE
from accounts.services.decision_links import decision_path
from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from cxcrm.base.links import code
from cxcrm.base.robots import SHORTEST_READING
from tests.factories import AccountFactory, ContactFactory, ContractFactory, ReminderPolicyFactory

# Of the factory's contract, which a customer reads of two days after the reminder went.
RENEWAL = date(2027, 1, 15)
REMIND = date(2026, 12, 1)
DEADLINE = date(2026, 12, 14)
LAST_DAY = date(2027, 1, 14)
READ_AT = datetime.fromisoformat("2026-12-03T10:00:00+00:00")


def have_policy() -> None:
    """For tests that commit: they flush what a migration has made. Before the contracts."""
    if not ReminderPolicy.objects.exists():
        ReminderPolicyFactory(country="", days_before=45)


def remind(contract: Contract | None = None, **contact) -> RenewalReminder:
    """A reminder that went out to the one contact of its account."""
    contract = contract or ContractFactory(account=AccountFactory())
    ContactFactory(account=contract.account, **contact)
    plan_renewal_reminders(at=instant_on(contract.remind_on))
    return contract.reminders.get()


def path_of(reminder: RenewalReminder, page: str = "") -> str:
    return decision_path(reminder.pk) + page


def newest_digits(reminder: RenewalReminder) -> str:
    return code(DECISION_CODE, DecisionCode.objects.filter(reminder=reminder).latest("pk").pk)


def wrong_digits(reminder: RenewalReminder) -> str:
    return f"{(int(newest_digits(reminder)) + 1) % 1_000_000:06}"


def table_contents() -> dict[str, list]:
    """What stands in every table of ours."""
    return {
        model._meta.label: sorted(map(str, model.objects.values_list()))
        for model in apps.get_models()
        if model._meta.managed
    }


class Reader:
    """A customer at a browser, who takes the time that people take."""

    def __init__(self, reminder: RenewalReminder, clock, client: Client | None = None) -> None:
        self.reminder = reminder
        self.clock = clock
        self.client = client or Client()

    def open(self, page: str = ""):
        return self.client.get(path_of(self.reminder, page))

    def has_kept(self) -> bool:
        self.reminder.refresh_from_db()
        return self.reminder.kept_at is not None

    def keep(self):
        return self._send_form("", "")

    def ask_for_code(self):
        return self._send_form("cancel/", "code/")

    def cancel(self, digits: str | None = None, **answers):
        shown = self.open("cancel/").context
        if digits is not None:
            answers["code"] = digits
        told = shown["last_day"]
        answers = {"told_last_day": told.isoformat() if told else ""} | answers
        return self.client.post(path_of(self.reminder, "cancel/"), answers)

    def _send_form(self, shown_at: str, sent_to: str):
        nonce = self.open(shown_at).context["nonce"]
        self.clock.shift(SHORTEST_READING + timedelta(seconds=1))
        return self.client.post(path_of(self.reminder, sent_to), {"nonce": nonce, "homepage": ""})
