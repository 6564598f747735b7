from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.enums import AfterTerm, CancellationKind, ContactRole, ReminderState, TaskOrigin
from accounts.models import Contract, RenewalReminder, Task, TimelineEvent
from accounts.services.cancellations import cancel_contract, take_back_cancellation
from accounts.services.contracts import advance_contracts
from accounts.services.due_work import run_due_work
from accounts.services.reminder_mail import (
    RENEWAL_REMINDER,
    renewal_reminder_facts,
    renewal_reminder_refusal,
)
from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services.rendering import render_mail
from tests.factories import AccountFactory, ContactFactory, ContractFactory, cancel

pytestmark = pytest.mark.django_db

RENEWAL = date(2027, 1, 15)  # of the factory's contract
REMIND = date(2026, 12, 1)
DEADLINE = date(2026, 12, 14)


@pytest.fixture
def contract():
    """With one decision maker, renewing on 15 January 2027."""
    account = AccountFactory()
    ContactFactory(account=account, address="owner@customers.example")
    return ContractFactory(account=account)


def mails():
    return list(
        OutgoingMail.objects.order_by("id").values_list("kind", "address__address", "language")
    )


def test_reminder_goes_45_days_before_the_renewal_and_not_a_day_earlier(contract):
    plan_renewal_reminders(at=instant_on(REMIND - timedelta(days=1)))
    assert mails() == []

    plan_renewal_reminders(at=instant_on(REMIND))

    assert mails() == [(RENEWAL_REMINDER, "owner@customers.example", "en")]
    reminder = RenewalReminder.objects.get()
    assert (reminder.state, reminder.renewal_date, reminder.due_on, reminder.decided_on) == (
        ReminderState.PLANNED,
        RENEWAL,
        REMIND,
        REMIND,
    )
    assert not reminder.is_late


def test_reminder_goes_once_however_often_the_plan_runs(contract):
    for hours in range(0, 24 * 50, 7):
        plan_renewal_reminders(at=instant_on(REMIND) + timedelta(hours=hours))

    assert len(mails()) == 1
    assert Task.objects.count() == 0


def test_reminder_starts_with_the_customers_own_day(contract):
    contract.account.time_zone = "Pacific/Auckland"
    contract.account.save()
    midnight_there = datetime(2026, 11, 30, 11, tzinfo=UTC)

    plan_renewal_reminders(at=midnight_there - timedelta(minutes=1))
    assert mails() == []
    plan_renewal_reminders(at=midnight_there)
    assert len(mails()) == 1


@pytest.mark.parametrize("days_missed", [1, 3, 13])
def test_missed_reminder_is_made_up_for_and_marked_late(contract, days_missed):
    plan_renewal_reminders(at=instant_on(REMIND + timedelta(days=days_missed)))

    assert len(mails()) == 1
    assert RenewalReminder.objects.get().is_late


@pytest.mark.parametrize("day", [DEADLINE + timedelta(days=1), RENEWAL + timedelta(days=5)])
def test_after_the_deadline_a_task_is_opened_instead(contract, day):
    run_due_work(at=instant_on(day))
    run_due_work(at=instant_on(day))

    assert mails() == []
    task = Task.objects.get()
    assert (task.origin, task.account, task.contract, task.due_on) == (
        TaskOrigin.REMINDER_TOO_LATE,
        contract.account,
        contract,
        day,
    )
    assert "2027-01-15" in task.title


def test_nobody_to_write_to_opens_a_task():
    contract = ContractFactory()

    plan_renewal_reminders(at=instant_on(REMIND))

    assert mails() == []
    assert RenewalReminder.objects.get().state == ReminderState.NOBODY
    assert Task.objects.get().contract == contract


@pytest.mark.parametrize(
    ("contacts", "recipient"),
    [
        ([("decision_maker", "chief"), ("billing", "bill")], "bill"),
        ([("technical", "tech"), ("decision_maker", "chief")], "chief"),
        ([("technical", "tech")], "tech"),
        ([("technical", "tech"), ("end_user", "user")], None),
    ],
)
def test_recipient_is_billing_else_a_decision_maker_else_who_may_decide(contacts, recipient):
    account = AccountFactory()
    for role, name in contacts:
        ContactFactory(account=account, role=role, address=f"{name}@customers.example")
    ContractFactory(account=account)

    plan_renewal_reminders(at=instant_on(REMIND))

    expected = [f"{recipient}@customers.example"] if recipient else []
    assert [address for _, address, _ in mails()] == expected


def test_recipient_with_a_dead_address_is_passed_over(contract):
    billing = ContactFactory(account=contract.account, role=ContactRole.BILLING)
    billing.address.bounced_at = instant_on(REMIND)
    billing.address.save()

    plan_renewal_reminders(at=instant_on(REMIND))

    assert [address for _, address, _ in mails()] == ["owner@customers.example"]


def test_contacts_own_language_wins_over_the_accounts(contract):
    contract.account.contacts.update(language="fr")

    plan_renewal_reminders(at=instant_on(REMIND))

    assert [language for *_, language in mails()] == ["fr"]


def test_long_notice_moves_the_reminder_so_that_ten_days_remain():
    account = AccountFactory()
    ContactFactory(account=account)
    contract = ContractFactory(account=account, notice_months=3)
    assert contract.notice_deadline == date(2026, 10, 14)

    plan_renewal_reminders(at=instant_on(date(2026, 10, 3)))
    assert mails() == []
    plan_renewal_reminders(at=instant_on(date(2026, 10, 4)))
    assert len(mails()) == 1


@pytest.mark.parametrize(
    "terms",
    [
        {"first_term_months": 1, "renewal_term_months": 1},
        {"first_term_months": None, "renewal_term_months": None, "after_term": "open_ended"},
    ],
)
def test_rolling_and_open_ended_contracts_are_never_reminded_of(terms):
    account = AccountFactory()
    ContactFactory(account=account)
    ContractFactory(account=account, **terms)

    for month in range(24):
        run_due_work(at=instant_on(date(2026 + (6 + month) // 12, (6 + month) % 12 + 1, 1)))

    assert mails() == []
    assert RenewalReminder.objects.count() == 0


def test_term_that_turns_open_ended_is_reminded_of_once_and_counts_as_renewed():
    account = AccountFactory()
    ContactFactory(account=account)
    contract = ContractFactory(
        account=account, after_term=AfterTerm.OPEN_ENDED, renewal_term_months=None
    )

    for day in (REMIND, RENEWAL, RENEWAL + timedelta(days=400)):
        run_due_work(at=instant_on(day))

    contract.refresh_from_db()
    assert len(mails()) == 1
    assert (contract.renewal_date, contract.remind_on, contract.state) == (None, None, "running")
    assert list(
        TimelineEvent.objects.filter(occurred_at=instant_on(RENEWAL)).values_list("kind", flat=True)
    ) == ["contract_turned_open_ended"]


def test_each_renewal_date_gets_its_own_reminder(contract):
    day = REMIND
    while day < REMIND + timedelta(days=3 * 366):
        run_due_work(at=instant_on(day))
        day += timedelta(days=1)

    assert list(
        RenewalReminder.objects.order_by("renewal_date").values_list("renewal_date", "decided_on")
    ) == [(date(year, 1, 15), date(year - 1, 12, 1)) for year in (2027, 2028, 2029, 2030)]


def test_renewal_puts_the_announced_price_in_force(contract):
    Contract.objects.update(renewal_price=Decimal("12.00"))

    run_due_work(at=instant_on(RENEWAL - timedelta(days=1)))
    contract.refresh_from_db()
    assert (contract.price, contract.renewal_price) == (Decimal("10.00"), Decimal("12.00"))
    run_due_work(at=instant_on(RENEWAL))

    contract.refresh_from_db()
    assert (contract.price, contract.renewal_price) == (Decimal("12.00"), None)
    assert contract.renewal_date == date(2028, 1, 15)


def test_contract_runs_to_its_last_day_and_then_has_ended(contract):
    cancel(contract, date(2027, 1, 14), at=instant_on(REMIND))

    advance_contracts(at=instant_on(date(2027, 1, 14)))
    contract.refresh_from_db()
    assert (contract.state, contract.renewal_date) == ("running", None)
    assert advance_contracts(at=instant_on(RENEWAL))["ended"] == 1

    contract.refresh_from_db()
    assert contract.state == "ended"


def test_ordered_contract_runs_from_its_first_day():
    contract = ContractFactory(starts_on=date(2026, 7, 1))
    assert contract.state == "ordered"

    advance_contracts(at=instant_on(date(2026, 7, 1)))

    contract.refresh_from_db()
    assert contract.state == "running"


def test_refusal_is_asked_again_before_the_mail_goes(contract):
    at = instant_on(REMIND)
    plan_renewal_reminders(at=at)
    reminder = RenewalReminder.objects.get()
    assert renewal_reminder_refusal(reminder.pk, at) is None

    cancellation = cancel(contract, date(2027, 1, 14), at=at)
    assert renewal_reminder_refusal(reminder.pk, at) == "An end of the contract is set."

    take_back_cancellation(cancellation_id=cancellation.pk, at=at)
    assert renewal_reminder_refusal(reminder.pk, at) is None
    assert renewal_reminder_refusal(reminder.pk, instant_on(DEADLINE)) is None
    assert (
        renewal_reminder_refusal(reminder.pk, instant_on(DEADLINE + timedelta(days=1)))
        == "The notice deadline has passed."
    )

    Contract.objects.update(renewal_date=RENEWAL + timedelta(days=1))
    assert renewal_reminder_refusal(reminder.pk, at) == "The renewal date has moved."


def test_mail_names_prices_with_tax_to_consumers_only(contract):
    Contract.objects.update(tax_rate=Decimal("19"), renewal_price=Decimal("12.00"))
    plan_renewal_reminders(at=instant_on(REMIND))
    reminder = RenewalReminder.objects.get()

    facts = renewal_reminder_facts(reminder.pk, instant_on(REMIND))
    assert (facts["price_now"], facts["price_after"]) == (Decimal("10.00"), Decimal("12.00"))

    contract.account.customer_kind = "consumer"
    contract.account.save()
    facts = renewal_reminder_facts(reminder.pk, instant_on(REMIND))
    assert (facts["price_now"], facts["price_after"]) == (Decimal("11.90"), Decimal("14.28"))


def test_mail_names_each_price_that_is_known_and_from_when(contract):
    Contract.objects.update(tax_rate=Decimal("19"), renewal_price=Decimal("12.00"), notice_days=7)
    contract.price_changes.create(
        effective_on=date(2026, 12, 24),
        price=11,
        reason="promotion_ends",
        created_at=instant_on(REMIND),
    )
    run_due_work(at=instant_on(REMIND))

    mail = render_mail(OutgoingMail.objects.get())

    for shown in (
        "Price now – €10.00 a month, plus 19% tax",
        "Price from December 24, 2026 – €11.00 a month, plus 19% tax",
        "Price from January 15, 2027 – €12.00 a month, plus 19% tax",
        "Term – 12 months, notice of 1 month and 7 days",
    ):
        assert shown in mail.text
    assert "Price from January 15, 2027" in mail.html
    assert "*" not in mail.text


@pytest.mark.parametrize("state", ["failed", "suppressed"])
def test_reminder_that_was_not_delivered_becomes_one_task(contract, state):
    run_due_work(at=instant_on(REMIND))
    OutgoingMail.objects.update(state=state, finished_at=instant_on(REMIND))

    for days in (1, 2):
        run_due_work(at=instant_on(REMIND + timedelta(days=days)))

    assert RenewalReminder.objects.get().state == ReminderState.UNDELIVERED
    assert list(Task.objects.values_list("origin", "contract", "due_on")) == [
        (TaskOrigin.REMINDER_NOT_DELIVERED, contract.pk, REMIND + timedelta(days=1))
    ]


def test_reminder_stopped_because_the_contract_ends_needs_no_task(contract):
    run_due_work(at=instant_on(REMIND))
    OutgoingMail.objects.update(state="suppressed", finished_at=instant_on(REMIND))
    cancel(contract, date(2027, 1, 14), at=instant_on(REMIND))

    run_due_work(at=instant_on(REMIND + timedelta(days=1)))

    assert Task.objects.count() == 0


@pytest.fixture
def undecided(contract):
    """A switch of provider whose last day an agent still has to decide."""
    return cancel_contract(
        contract_id=contract.pk,
        kind=CancellationKind.SWITCH,
        received_at=instant_on(REMIND),
        at=instant_on(REMIND),
    )


def test_nobody_is_told_of_a_renewal_while_a_cancellation_waits_for_its_last_day(undecided):
    for days in range(5):
        run_due_work(at=instant_on(REMIND + timedelta(days=days)))

    assert RenewalReminder.objects.count() == 0
    assert [kind for kind, *_ in mails()] == ["cancellation_receipt"]


def test_reminder_is_made_up_for_when_an_undecided_cancellation_is_taken_back(undecided):
    at = instant_on(REMIND + timedelta(days=3))
    take_back_cancellation(cancellation_id=undecided.pk, at=at)

    run_due_work(at=at)

    reminder = RenewalReminder.objects.get()
    assert (reminder.state, reminder.is_late) == (ReminderState.PLANNED, True)


def test_mail_about_a_renewal_is_stopped_while_a_cancellation_waits(contract):
    at = instant_on(REMIND)
    plan_renewal_reminders(at=at)
    reminder = RenewalReminder.objects.get()
    cancellation = cancel_contract(
        contract_id=contract.pk, kind=CancellationKind.EXTRAORDINARY, received_at=at, at=at
    )

    reason = renewal_reminder_refusal(reminder.pk, at)
    OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).update(state="suppressed", finished_at=at)
    run_due_work(at=at + timedelta(days=1))

    assert reason == "The contract is cancelled; its last day is to be decided."
    reminder.refresh_from_db()
    assert reminder.state == ReminderState.PLANNED
    take_back_cancellation(cancellation_id=cancellation.pk, at=at + timedelta(days=2))
    newest = OutgoingMail.objects.filter(kind=RENEWAL_REMINDER).latest("id")
    assert (newest.state, newest.subject_id) == ("queued", reminder.pk)


def test_contract_is_not_renewed_while_its_reminder_is_undecided(contract):
    Contract.objects.update(remind_on=REMIND, remind_step=1)

    assert advance_contracts(at=instant_on(RENEWAL))["renewed"] == 0
    counts = run_due_work(at=instant_on(RENEWAL))

    assert (counts["too_late"], counts["renewed"]) == (1, 1)
