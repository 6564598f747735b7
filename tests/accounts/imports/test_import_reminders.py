from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.enums import ReminderState
from accounts.models import Contract, RenewalReminder, Task, TimelineEvent
from accounts.services.due_work import run_due_work
from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from tests.accounts.imports.feeds import AS_OF, row

pytestmark = pytest.mark.django_db

# With a month's notice the reminder is due 45 days before the renewal date: on the as-of date
# for this start, a day earlier for the one before.
DUE_TODAY = "2025-07-16"
DUE_YESTERDAY = "2025-07-15"


def decided() -> list[tuple]:
    rows = RenewalReminder.objects.order_by("contract__external_id", "renewal_date")
    return list(
        rows.values_list(
            "contract__external_id", "state", "renewal_date", "due_on", "decided_on", "contact"
        )
    )


def mails_until(day: date) -> int:
    plan_renewal_reminders(at=instant_on(day))
    return OutgoingMail.objects.count()


def test_import_holds_reminders_whose_day_has_passed(take_in_rows):
    run = take_in_rows(row(starts_on=DUE_YESTERDAY), row(contract_number="V2", starts_on=DUE_TODAY))

    yesterday = AS_OF - timedelta(days=1)
    assert decided() == [("V1", ReminderState.HELD, date(2026, 7, 15), yesterday, AS_OF, None)]
    assert run.counts["reminders"] == {"done_before": 0, "held": 1}
    remind_on = dict(Contract.objects.values_list("external_id", "remind_on"))
    assert remind_on == {"V1": None, "V2": AS_OF}
    assert mails_until(AS_OF) == 1  # V2's, by the planner


def test_import_counts_reminders_as_done_that_the_feed_reports(take_in_rows):
    run = take_in_rows(
        row(starts_on=DUE_YESTERDAY, reminded_on="2026-05-20"),
        row(contract_number="V2", starts_on="2025-09-01", reminded_on="2026-05-30"),
        row(contract_number="V3", starts_on="2024-09-01", reminded_on="2025-08-31"),
    )

    done = ReminderState.DONE_BEFORE
    assert decided() == [
        ("V1", done, date(2026, 7, 15), date(2026, 5, 31), date(2026, 5, 20), None),
        ("V2", done, date(2026, 9, 1), date(2026, 7, 18), date(2026, 5, 30), None),
    ]
    assert run.counts["reminders"] == {"done_before": 2, "held": 0}
    assert Contract.objects.get(external_id="V3").remind_on == date(2026, 7, 18)


def test_import_counts_a_reminder_only_for_the_term_that_it_announced(take_in_rows):
    take_in_rows(
        row(
            starts_on="2026-01-10",
            first_term_months="6",
            renewal_term_months="6",
            reminded_on="2026-01-09",
        ),
        row(
            contract_number="V2",
            starts_on="2024-07-10",
            first_term_months="24",
            renewal_term_months="24",
            reminded_on="2025-07-10",
        ),
    )

    assert [(number, state) for number, state, *_ in decided()] == [
        ("V1", ReminderState.HELD),
        ("V2", ReminderState.DONE_BEFORE),
    ]


FRENCH = {
    "country": "FR",
    "region": "",
    "time_zone": "Europe/Paris",
    "customer_kind": "consumer",
    "reminded_on": "2026-05-20",
}


def test_import_counts_a_reminder_only_from_the_day_on_which_the_law_counts_it(take_in_rows):
    """Renewals on 15 September and 15 November may be told of from 14 May and 14 July on."""
    take_in_rows(
        row(starts_on="2025-09-15", **FRENCH),
        row(starts_on="2025-11-15", contract_number="V2", **FRENCH),
        row(starts_on="2025-07-15", contract_number="V3", **FRENCH),
    )

    # V3's window was over by then: it was told, but too late, which frees it.
    assert [(number, state) for number, state, *_ in decided()] == [
        ("V1", ReminderState.DONE_BEFORE),
        ("V3", ReminderState.DONE_BEFORE),
    ]
    remind_on = dict(Contract.objects.values_list("external_id", "remind_on"))
    assert remind_on == {"V1": None, "V2": date(2026, 8, 30), "V3": None}


def test_import_tells_later_that_a_held_reminder_had_been_sent(take_in_rows):
    take_in_rows(row(starts_on=DUE_YESTERDAY))
    run = take_in_rows(row(starts_on=DUE_YESTERDAY, reminded_on="2026-05-20"))

    [(_number, state, _renewal_date, _due_on, decided_on, _contact)] = decided()
    assert (state, decided_on) == (ReminderState.DONE_BEFORE, date(2026, 5, 20))
    assert run.counts["reminders"] == {"done_before": 1, "held": 0}


def test_import_with_another_renewal_date_decides_anew(take_in_rows):
    take_in_rows(row(starts_on=DUE_YESTERDAY))

    take_in_rows(row(starts_on="2025-07-01"))
    take_in_rows(row(starts_on="2025-09-01"))

    assert [(state, renewal_date) for _, state, renewal_date, *_ in decided()] == [
        (ReminderState.HELD, date(2026, 7, 1)),
        (ReminderState.HELD, date(2026, 7, 15)),
    ]
    contract = Contract.objects.get()
    assert (contract.renewal_date, contract.remind_on) == (date(2026, 9, 1), date(2026, 7, 18))
    assert mails_until(date(2026, 7, 17)) == 0
    assert mails_until(date(2026, 7, 18)) == 1


def test_import_leaves_an_outstanding_reminder_of_a_known_contract_to_the_planner(take_in_rows):
    take_in_rows(row(starts_on=DUE_TODAY))
    later = AS_OF + timedelta(days=3)

    take_in_rows(row(starts_on=DUE_TODAY, price="11.00"), as_of=later)

    assert decided() == []
    assert mails_until(later) == 1


def test_import_does_not_repeat_a_reminder_that_was_mailed(take_in_rows):
    take_in_rows(row(starts_on=DUE_TODAY))
    mails_until(AS_OF)

    take_in_rows(row(starts_on=DUE_TODAY, price="11.00"), as_of=AS_OF + timedelta(days=3))

    assert [state for _, state, *_ in decided()] == [ReminderState.PLANNED]
    assert mails_until(AS_OF + timedelta(days=30)) == 1


def test_import_holds_nothing_for_rolling_ended_and_ending_contracts(take_in_rows):
    take_in_rows(
        row(starts_on=DUE_YESTERDAY, first_term_months="1", renewal_term_months="1"),
        row(contract_number="V2", starts_on=DUE_YESTERDAY, ends_on="2026-05-31"),
        row(contract_number="V3", starts_on=DUE_YESTERDAY, ends_on="2026-07-14"),
    )

    assert decided() == []
    assert set(Contract.objects.values_list("remind_on", flat=True)) == {None}


def test_import_of_an_older_file_neither_mails_nor_renews_nor_opens_tasks(take_in_rows):
    """The file is from January, and what it says has been overtaken three times since."""
    imported_at = datetime(2026, 6, 1, 23, tzinfo=UTC)  # the 2nd in Berlin
    run = take_in_rows(
        row(starts_on="2025-07-16", renewal_price=""),  # reminder due on June 1st
        row(contract_number="V2", starts_on="2025-03-01", renewal_price=""),
        row(contract_number="V3", starts_on="2025-03-01", ends_on="2026-03-31"),
        row(contract_number="V4", starts_on="2026-05-01", renewal_price=""),
        as_of=date(2026, 1, 10),
        at=imported_at,
    )
    known = list(TimelineEvent.objects.values_list("pk", flat=True))

    run_due_work(at=imported_at)

    assert list(Contract.objects.order_by("external_id").values_list("state", "renewal_date")) == [
        ("running", date(2026, 7, 16)),
        ("running", date(2027, 3, 1)),
        ("ended", None),
        ("running", date(2027, 5, 1)),
    ]
    assert run.counts["reminders"] == {"done_before": 0, "held": 1}
    today = date(2026, 6, 2)
    due_on = date(2026, 6, 1)
    assert decided() == [("V1", ReminderState.HELD, date(2026, 7, 16), due_on, today, None)]
    assert OutgoingMail.objects.count() == Task.objects.count() == 0
    assert not TimelineEvent.objects.exclude(pk__in=known).exists()


def test_import_leaves_a_renewal_that_has_come_to_the_clock(take_in_rows):
    """The feed of the night comes in before the clock has renewed what renews that day."""
    contract = row(starts_on="2025-06-01", price="10", renewal_price="12", reminded_on="2026-04-15")
    take_in_rows(contract, as_of=date(2026, 5, 20), at=instant_on(date(2026, 5, 20)))

    take_in_rows(contract | {"notice_days": "3"})
    assert Contract.objects.get().renewal_date == AS_OF

    run_due_work(at=instant_on(AS_OF))
    renewed = Contract.objects.get()
    assert (renewed.price, renewed.renewal_date) == (12, date(2027, 6, 1))


def test_import_of_an_older_file_brings_the_price_from_a_renewal_that_has_passed(take_in_rows):
    take_in_rows(
        row(starts_on="2025-03-01", price="10", renewal_price="12"), as_of=date(2026, 1, 10)
    )

    run_due_work(at=instant_on(AS_OF))

    contract = Contract.objects.get()
    assert (contract.price, contract.renewal_date) == (12, date(2027, 3, 1))
    assert contract.price_changes.get().effective_on == date(2026, 3, 1)
    assert OutgoingMail.objects.count() == Task.objects.count() == 0


# --- Policies of several steps: domains are reminded of 30 and 7 days before, with 14 days' notice
# to be decided by 15 days before.

DOMAIN = {
    "product_code": "com",
    "product_family": "domain",
    "notice_months": "0",
    "notice_days": "14",
}


def steps() -> list[tuple]:
    rows = RenewalReminder.objects.order_by("contract__external_id", "step")
    return list(rows.values_list("contract__external_id", "step", "state"))


def test_import_holds_the_last_of_the_steps_whose_day_has_passed(take_in_rows):
    run = take_in_rows(
        row(starts_on="2025-06-06", **DOMAIN),
        row(starts_on="2025-06-20", contract_number="V2", **DOMAIN),
    )

    assert steps() == [
        ("V1", 1, ReminderState.LEFT_OUT),
        ("V1", 2, ReminderState.HELD),
        ("V2", 1, ReminderState.HELD),
    ]
    assert run.counts["reminders"] == {"done_before": 0, "held": 2}
    assert dict(Contract.objects.values_list("external_id", "remind_on")) == {
        "V1": None,
        "V2": date(2026, 6, 13),
    }
    assert mails_until(date(2026, 6, 12)) == 0
    assert mails_until(date(2026, 6, 13)) == 1
    # The later step tells of what was held.
    assert ("V2", 1, ReminderState.LEFT_OUT) in steps()


def test_import_counts_each_step_as_done_that_was_due_when_the_feed_says(take_in_rows):
    take_in_rows(
        row(starts_on="2025-06-20", reminded_on="2026-05-22", **DOMAIN),
        row(starts_on="2025-06-06", contract_number="V2", reminded_on="2026-05-31", **DOMAIN),
        row(starts_on="2025-06-06", contract_number="V3", reminded_on="2026-05-10", **DOMAIN),
    )

    assert steps() == [
        ("V1", 1, ReminderState.DONE_BEFORE),
        ("V2", 1, ReminderState.DONE_BEFORE),
        ("V2", 2, ReminderState.DONE_BEFORE),
        ("V3", 1, ReminderState.DONE_BEFORE),
        ("V3", 2, ReminderState.HELD),
    ]
    assert mails_until(date(2026, 6, 12)) == 0
    assert mails_until(date(2026, 6, 13)) == 1


def test_import_of_ends_tells_only_of_those_whose_day_is_to_come(take_in_rows):
    take_in_rows(
        row(starts_on="2025-06-01", ends_on="2026-05-31", **DOMAIN),
        row(starts_on="2025-05-20", ends_on="2026-05-19", contract_number="V2", **DOMAIN),
        row(starts_on="2024-05-20", ends_on="2025-05-19", contract_number="V3", **DOMAIN),
    )

    for days in range(45):
        run_due_work(at=instant_on(AS_OF + timedelta(days=days)))

    reminder = RenewalReminder.objects.get()
    assert (reminder.contract.external_id, reminder.step, reminder.decided_on) == (
        "V1",
        3,
        date(2026, 6, 4),
    )


# --- Accounts and products that move to another policy

CONSUMER = {"customer_kind": "consumer"}
MOVED_ON = {"as_of": date(2026, 11, 21), "at": datetime(2026, 11, 21, 10, tzinfo=UTC)}


def held() -> list[tuple]:
    rows = RenewalReminder.objects.filter(state=ReminderState.HELD)
    return list(rows.values_list("contract__external_id", "due_on", "decided_on"))


def test_import_holds_reminders_that_are_late_because_the_customer_moved(take_in_rows):
    """To France, where it goes earlier."""
    take_in_rows(row(**CONSUMER))
    assert Contract.objects.get().remind_on == date(2026, 12, 1)

    run = take_in_rows(row(country="FR", region="", **CONSUMER), **MOVED_ON)

    due_on = RenewalReminder.objects.get().due_on
    assert due_on < date(2026, 11, 21)
    assert held() == [("V1", due_on, date(2026, 11, 21))]
    assert run.counts["contracts"] == {"added": 0, "changed": 0, "unchanged": 1}
    assert run.counts["reminders"] == {"done_before": 0, "held": 1}
    run_due_work(at=datetime(2026, 11, 22, 3, tzinfo=UTC))
    assert OutgoingMail.objects.count() == 0


def test_feed_of_accounts_holds_what_is_late_because_the_customer_moved(take_in_rows):
    take_in_rows(row(**CONSUMER))
    names = ("account_number", "account_name", "customer_kind", "language", "time_zone")
    account = {name: row(**CONSUMER)[name] for name in names} | {"country": "FR"}

    run = take_in_rows(account, mapping="standard_accounts", **MOVED_ON)

    assert [contract for contract, *_days in held()] == ["V1"]
    assert run.counts["reminders"] == {"held": 1}
    run_due_work(at=datetime(2026, 11, 22, 3, tzinfo=UTC))
    assert OutgoingMail.objects.count() == 0


def test_feed_of_products_moves_the_reminders_of_its_contracts(take_in_rows):
    take_in_rows(row())
    product = {"product_code": "web-s", "product_name": "Web S", "product_family": "domain"}

    take_in_rows(product, mapping="standard_products")

    contract = Contract.objects.get()
    assert contract.remind_on != date(2026, 12, 1)
    before = contract.remind_on
    assert run_due_work(at=datetime(2026, 6, 1, 11, tzinfo=UTC))["planned"] == 0
    contract.refresh_from_db()
    assert contract.remind_on == before
