"""Customers whom a missed window frees: what every mail, page and link of the renewal says."""

from datetime import date, datetime, timedelta

import pytest

from accounts.enums import CancellationKind, ReminderState
from accounts.models import Cancellation, Contract, RenewalReminder
from accounts.services.decision_pages import page_facts
from accounts.services.decisions import (
    LinkState,
    cancel_by_code,
    keep_contract,
    load_decision,
    send_decision_code,
)
from accounts.services.due_work import run_due_work
from accounts.services.reminder_mail import renewal_reminder_facts
from accounts.services.windows import window_state
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import deliver_mails
from tests.accounts.deciding import newest_digits
from tests.factories import AccountFactory, ContactFactory, ContractFactory, ProductFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
# Of a French consumer with a month's notice: told from 14 September to 14 November, on 30 October.
RENEWAL = date(2027, 1, 15)
DEADLINE = date(2026, 12, 14)
DUE, LATEST = date(2026, 10, 30), date(2026, 11, 14)


@pytest.fixture
def contract() -> Contract:
    return french_contract()


@pytest.fixture
def domain() -> Contract:
    """Told in the window, 30 days and 7 days before."""
    return french_contract(family="domain")


def french_contract(family: str = "hosting", **terms) -> Contract:
    account = AccountFactory(country="FR", customer_kind="consumer", time_zone="Europe/Paris")
    ContactFactory(account=account)
    product = ProductFactory(brand=account.brand, family=family)
    return ContractFactory(account=account, product=product, **terms)


def live(first: date, last: date) -> None:
    """Days on which the planner runs and workers send."""
    day = first
    while day <= last:
        run_due_work(at=instant_on(day))
        deliver_mails(at=instant_on(day))
        day += DAY


def step_of(contract: Contract, number: int) -> RenewalReminder:
    return contract.reminders.get(step=number, renewal_date=RENEWAL)


def is_free(reminder: RenewalReminder, on: date) -> bool:
    return window_state(reminder, at=instant_on(on)).is_free


def said(contract: Contract) -> list[tuple[int, bool]]:
    """Of each mail as it was sent: its step, and whether it says that the customer may leave."""
    mails = OutgoingMail.objects.filter(kind="renewal_reminder", account_id=contract.account_id)
    return [
        (mail.facts["step"], mail.facts["window_missed"])
        for mail in mails.order_by("id")
        if mail.facts
    ]


def link_of(reminder: RenewalReminder, on: date) -> tuple[LinkState, date | None]:
    decision = load_decision(reminder_id=reminder.pk, at=instant_on(on))
    return decision.state, decision.last_day


# --- Of all steps of a renewal


def test_every_later_step_says_what_the_late_first_one_said(domain):
    live(date(2026, 12, 10), RENEWAL - DAY)

    assert said(domain) == [(1, True), (2, True), (3, True)]
    for step in (1, 2, 3):
        assert link_of(step_of(domain, step), date(2027, 1, 9)) == (LinkState.OPEN, None)


def test_first_mail_of_a_renewal_whose_windowed_step_became_a_task_frees(domain):
    live(DEADLINE + DAY, DEADLINE + 3 * DAY)

    assert step_of(domain, 1).state == ReminderState.TOO_LATE
    live(date(2026, 12, 16), RENEWAL - DAY)
    assert said(domain) == [(2, True), (3, True)]
    assert link_of(step_of(domain, 2), date(2026, 12, 20)) == (LinkState.OPEN, None)


def test_no_step_frees_whoever_was_told_within_the_window(domain):
    live(DUE, RENEWAL - DAY)

    assert said(domain) == [(1, False), (2, False), (3, False)]
    assert link_of(step_of(domain, 3), date(2027, 1, 9)) == (LinkState.OPEN, date(2028, 1, 14))


def test_another_step_that_goes_within_the_window_tells_of_it_too():
    # Of a renewal on 15 March without notice: the second step falls into the window's last days.
    domain = french_contract("domain", starts_on=date(2026, 3, 15), notice_months=0)

    live(date(2027, 2, 13), date(2027, 3, 14))

    assert [(row.step, row.state) for row in domain.reminders.order_by("step")] == [
        (1, ReminderState.LEFT_OUT),
        (2, ReminderState.PLANNED),
        (3, ReminderState.PLANNED),
    ]
    assert domain.reminders.get(step=1).latest_on == date(2027, 2, 14)
    assert said(domain) == [(2, False), (3, False)]


def test_mail_that_came_back_has_told_nobody(domain):
    live(DUE, DUE + DAY)
    first = step_of(domain, 1)
    RenewalReminder.objects.filter(pk=first.pk).update(bounced_at=instant_on(DUE + DAY))

    assert is_free(first, LATEST + DAY)


def test_reminder_that_another_sent_in_time_counts(domain):
    live(DUE, DUE)
    rows = RenewalReminder.objects.filter(pk=step_of(domain, 1).pk)
    rows.update(state=ReminderState.DONE_BEFORE, decided_on=date(2026, 9, 20), accepted_at=None)
    OutgoingMail.objects.all().delete()

    assert not is_free(rows.get(), LATEST + DAY)
    rows.update(decided_on=LATEST + DAY)
    assert is_free(rows.get(), LATEST + DAY)


def test_reminder_that_another_sent_before_the_window_opened_does_not_count(domain):
    live(DUE, DUE)
    rows = RenewalReminder.objects.filter(pk=step_of(domain, 1).pk)
    rows.update(state=ReminderState.DONE_BEFORE, decided_on=date(2026, 8, 1), accepted_at=None)
    OutgoingMail.objects.all().delete()

    state = window_state(rows.get(), at=instant_on(LATEST + DAY))
    assert (state.is_missed, state.is_free) == (True, True)


def test_mail_of_another_step_counts_from_the_day_on_which_the_window_opens(domain):
    """The first step was due on 30 October, but may go from 14 September."""
    run_due_work(at=instant_on(LATEST))
    OutgoingMail.objects.all().delete()
    first = step_of(domain, 1)
    RenewalReminder.objects.create(
        contract=domain,
        renewal_date=RENEWAL,
        step=2,
        state=ReminderState.DONE_BEFORE,
        due_on=date(2026, 9, 14),
        decided_on=date(2026, 9, 14),
        decided_at=instant_on(date(2026, 9, 14)),
    )

    assert first.earliest_on == date(2026, 9, 14)
    assert not is_free(first, LATEST + DAY)
    domain.reminders.filter(step=2).update(decided_on=date(2026, 9, 13))
    assert is_free(first, LATEST + DAY)


def test_nobody_is_freed_while_the_window_is_open(contract):
    run_due_work(at=instant_on(DUE))
    reminder = step_of(contract, 1)

    assert [is_free(reminder, day) for day in (DUE, LATEST, LATEST + DAY)] == [False, False, True]


def test_window_of_a_policy_that_does_not_free_is_missed_all_the_same(contract):
    run_due_work(at=instant_on(LATEST + DAY))
    reminder = step_of(contract, 1)
    reminder.policy.missed_window_frees = False
    reminder.policy.save()

    state = window_state(reminder, at=instant_on(LATEST + DAY))
    assert (state.is_missed, state.is_free) == (True, False)


# --- By the day on which it went


def test_mail_that_was_planned_within_the_window_and_goes_after_it_frees(contract, mailoutbox):
    run_due_work(at=instant_on(LATEST))

    deliver_mails(at=instant_on(LATEST + DAY))

    [mail] = mailoutbox
    assert "December 14, 2026" not in mail.body
    assert "None: you may leave at any time" in mail.body
    assert is_free(step_of(contract, 1), LATEST + 5 * DAY)


def test_mail_that_went_on_the_last_lawful_day_counts_before_the_proof_is_noted(contract):
    late_in_paris = datetime.fromisoformat("2026-11-14T22:30:00+00:00")
    run_due_work(at=instant_on(LATEST))
    deliver_mails(at=late_in_paris)
    reminder = step_of(contract, 1)

    assert reminder.accepted_at is None
    assert not is_free(reminder, LATEST + DAY)
    run_due_work(at=instant_on(LATEST + DAY))
    reminder.refresh_from_db()
    assert reminder.accepted_at == late_in_paris
    assert not is_free(reminder, LATEST + DAY)


def test_midnight_is_that_of_the_customer(contract):
    run_due_work(at=instant_on(LATEST))
    # A quarter past midnight in Paris.
    deliver_mails(at=datetime.fromisoformat("2026-11-14T23:15:00+00:00"))

    assert said(contract) == [(1, True)]


# --- After the renewal


@pytest.fixture
def freed(contract) -> RenewalReminder:
    live(date(2026, 12, 10), date(2026, 12, 11))
    return step_of(contract, 1)


@pytest.mark.parametrize("on", [RENEWAL, date(2027, 6, 1), date(2028, 1, 14)])
@pytest.mark.parametrize("is_renewed", [True, False])
def test_freed_customers_link_stays_open_until_the_next_renewal(freed, on, is_renewed):
    if is_renewed:
        run_due_work(at=instant_on(RENEWAL))

    assert link_of(freed, on) == (LinkState.OPEN, None)


def test_next_renewal_closes_the_freed_customers_link(freed):
    run_due_work(at=instant_on(RENEWAL))

    assert link_of(freed, date(2028, 1, 15))[0] == LinkState.PAST


def test_freed_customer_whose_contract_runs_on_without_a_term_may_still_leave():
    contract = french_contract(after_term="open_ended", renewal_term_months=None)
    live(date(2026, 12, 10), date(2026, 12, 11))
    run_due_work(at=instant_on(RENEWAL))
    contract.refresh_from_db()
    assert contract.renewal_date is None

    assert link_of(step_of(contract, 1), date(2030, 1, 15)) == (LinkState.OPEN, None)


def test_renewal_that_was_moved_closes_the_freed_customers_link(freed):
    Contract.objects.filter(pk=freed.contract_id).update(
        starts_on=date(2026, 2, 15), renewal_date=date(2027, 2, 15)
    )

    assert link_of(freed, date(2026, 12, 12))[0] == LinkState.PAST
    assert link_of(freed, RENEWAL)[0] == LinkState.PAST


def test_freed_customer_leaves_after_the_renewal_and_an_agent_decides_the_day(freed):
    at = instant_on(date(2027, 2, 1))
    run_due_work(at=at)
    send_decision_code(reminder_id=freed.pk, at=at)

    cancel_by_code(reminder_id=freed.pk, digits=newest_digits(freed), told_last_day=None, at=at)

    cancellation = Cancellation.objects.get()
    assert (cancellation.kind, cancellation.effective_on) == (CancellationKind.EXTRAORDINARY, None)
    assert link_of(freed, date(2027, 2, 1))[0] == LinkState.CANCELLED


def test_freed_customer_keeps_after_the_renewal(freed):
    at = instant_on(date(2027, 2, 1))
    run_due_work(at=at)

    keep_contract(reminder_id=freed.pk, at=at)

    assert load_decision(reminder_id=freed.pk, at=at).kept_at == at


def test_facts_of_a_past_renewal_say_so_and_name_no_last_day(freed):
    at = instant_on(date(2027, 2, 1))
    run_due_work(at=at)

    facts = page_facts(load_decision(reminder_id=freed.pk, at=at), at=at)

    assert [facts[name] for name in ("has_come", "window_missed", "is_too_late", "last_day")] == [
        True,
        True,
        False,
        None,
    ]
    assert facts["next_renewal_date"] == date(2028, 1, 15)


def test_mail_about_an_end_says_nothing_of_windows(domain):
    run_due_work(at=instant_on(date(2026, 12, 10)))
    reminder = step_of(domain, 1)
    reminder.due_on = RENEWAL + 3 * DAY
    reminder.save()

    facts = renewal_reminder_facts(reminder.pk, instant_on(RENEWAL + 3 * DAY))
    assert (facts["is_expired"], facts["window_missed"]) == (True, False)
