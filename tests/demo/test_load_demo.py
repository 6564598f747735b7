from datetime import date, timedelta
from hashlib import sha256

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count

from accounts.enums import ContractState, ImportState, TimelineKind
from accounts.models import (
    Account,
    Brand,
    Cancellation,
    Contact,
    Contract,
    ImportRun,
    PriceChange,
    Product,
    RenewalReminder,
    RevenueDay,
    Task,
    TimelineEvent,
)
from cxcrm.base.clock import instant_on
from cxcrm.demo.catalogue import STAFF
from cxcrm.demo.models import DayReached
from cxcrm.demo.services import load_company, play_days
from cxcrm.outbox.models import MailAddress, OutgoingMail
from cxcrm.users.models import User
from tests.factories import AccountFactory

TODAY = date(2026, 6, 15)
# Its own, and those of the feed but for the three rows that are refused.
CUSTOMERS = 300 + 37

pytestmark = pytest.mark.django_db


def load(**options) -> None:
    call_command("load_demo", **{"today": TODAY, "months": 3} | options)


def digest() -> str:
    """Over what the rows say, without their ids and times of writing."""
    columns = [
        Account.objects.values_list(
            "brand__code", "external_id", "name", "country", "segment", "account_manager__email"
        ),
        Contact.objects.values_list("account__external_id", "name", "role", "address__address"),
        Contract.objects.values_list(
            "external_id", "product__code", "state", "starts_on", "renewal_date", "ends_on", "price"
        ),
        RenewalReminder.objects.values_list(
            "contract__external_id", "renewal_date", "state", "decided_on", "contact__name"
        ),
        Task.objects.values_list("title", "due_on", "state", "result", "assignee__email"),
        TimelineEvent.objects.values_list("account__external_id", "kind", "occurred_at"),
        OutgoingMail.objects.values_list("address__address", "state", "planned_at", "subject_line"),
        MailAddress.objects.values_list("address", "bounced_at"),
    ]
    rows = [sorted(map(repr, rows)) for rows in columns]
    assert all(rows)
    return sha256(repr(rows).encode()).hexdigest()


def digest_of_a_load(**options) -> str:
    with transaction.atomic():
        load(**options)
        found = digest()
        transaction.set_rollback(True)
    return found


def test_load_demo_makes_the_same_company_of_the_same_seed(mailbox):
    first = digest_of_a_load(seed=7)

    assert digest_of_a_load(seed=7) == first
    assert digest_of_a_load(seed=8) != first


def test_load_demo_makes_a_company_with_brands_customers_and_staff(mailbox):
    load()

    assert [Brand.objects.count(), Account.objects.count()] == [2, CUSTOMERS]
    people = User.objects.filter(is_machine=False)
    assert set(people.values_list("email", flat=True)) == set(STAFF)
    assert [user.name for user in User.objects.filter(is_machine=True)] == ["Billing system"]
    assert not any(user.has_usable_password() for user in User.objects.all())
    assert [Product.objects.count(), Product.objects.filter(on_offer=True).count()] == [12, 11]
    assert set(Contract.objects.values_list("currency", flat=True)) == {"CHF", "EUR", "GBP", "USD"}
    assert set(Account.objects.values_list("language", flat=True)) == {"de", "en", "es", "fr"}
    assert not Account.objects.filter(contacts=None).exists()
    assert not Account.objects.filter(account_manager=None, external_id__startswith="K").exists()
    addresses = MailAddress.objects.values_list("address", flat=True)
    assert {address.rsplit(".", 1)[1] for address in addresses} == {"example"}
    assert DayReached.objects.get().day == TODAY


def test_load_demo_leaves_work_of_every_kind(mailbox):
    load()

    run = ImportRun.objects.get()
    assert [run.state, run.rows_read, run.rows_refused] == [ImportState.DONE, 40, 3]
    assert RenewalReminder.objects.held(TODAY).exists()
    assert Cancellation.objects.filter(effective_on=None, taken_back_at=None).count() == 1
    assert Cancellation.objects.filter(taken_back_at=None).exclude(effective_on=None).exists()
    assert PriceChange.objects.filter(applied_at=None, reason="announced").exists()
    assert PriceChange.objects.filter(applied_at=None, reason="promotion_ends").exists()
    assert Account.objects.filter(is_high_value=True).exists()
    # Each day is recorded once, to the day before today.
    first, last = TODAY - timedelta(days=93), TODAY - timedelta(days=1)
    days = RevenueDay.objects.order_by("day").values_list("day", flat=True)
    assert [days[0], days[len(days) - 1], len(days)] == [first, last, (last - first).days + 1]


def test_load_demo_reminds_once_of_each_renewal_that_is_past(mailbox):
    load()

    past = TimelineEvent.objects.filter(
        kind__in=[TimelineKind.CONTRACT_RENEWED, TimelineKind.CONTRACT_TURNED_OPEN_ENDED]
    ).values_list("contract_id", "facts__renewed_on")
    decided = RenewalReminder.objects.filter(renewal_date__lte=TODAY)
    reminded = {(reminder.contract_id, reminder.renewal_date.isoformat()) for reminder in decided}
    reminders = RenewalReminder.objects.annotate(steps=Count("policy__steps")).in_bulk()
    mails = OutgoingMail.objects.filter(kind="renewal_reminder")
    mailed = [reminders[reminder] for reminder in mails.values_list("subject_id", flat=True)]
    steps = [(of.contract_id, of.renewal_date, of.step) for of in mailed]
    only_steps = [(of.contract_id, of.renewal_date) for of in mailed if of.steps == 1]

    assert len(past) > 10
    assert sorted(past) == sorted(reminded & set(past))
    assert len(steps) == len(set(steps)) > len(only_steps) > 10
    assert len(only_steps) == len(set(only_steps))


def test_load_demo_lays_past_mails_into_the_mailbox_under_their_day(mailbox, demo, client):
    load()

    sent = OutgoingMail.objects.order_by("-planned_at").select_related("address")
    newest = client.get("/mailbox/").context["page"]

    assert newest.paginator.count == len(sent) > 50
    assert {(letter.recipient, letter.arrived_at) for letter in newest.object_list[:5]} <= {
        (mail.address.address, mail.planned_at) for mail in sent[:10]
    }
    assert newest.object_list[0].message["Date"].datetime == sent[0].planned_at


def test_load_demo_ends_with_work_in_the_days_to_come(mailbox):
    load()
    assert Contract.objects.filter(state=ContractState.RUNNING, remind_on__lte=TODAY).count() == 0

    week = play_days(days=7, at=instant_on(TODAY))

    assert [played.day for played in week] == [date(2026, 6, day) for day in range(16, 23)]
    assert (
        sum(played.reminders for played in week)
        == RenewalReminder.objects.filter(state="planned", decided_on__gt=TODAY).count()
    )
    assert any(played.reminders for played in week)
    assert DayReached.objects.get().day == date(2026, 6, 22)


def test_play_days_goes_on_where_the_last_play_ended():
    play_days(days=7, at=instant_on(TODAY))

    assert [played.day for played in play_days(days=2, at=instant_on(TODAY))] == [
        date(2026, 6, 23),
        date(2026, 6, 24),
    ]


def test_load_demo_leaves_nothing_when_it_is_interrupted(mailbox):
    def three_days(days):
        yield from days[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_company(seed=7, months=1, at=instant_on(TODAY), progress=three_days)

    assert not Account.objects.exists()
    assert not User.objects.exists()
    load(months=1)
    assert Account.objects.count() == CUSTOMERS


def test_load_demo_refuses_where_there_are_accounts(mailbox):
    AccountFactory()

    with pytest.raises(CommandError, match="needs an empty database"):
        load()
    load(if_empty=True)

    assert Account.objects.count() == 1
    assert not User.objects.exists()


def test_load_demo_refuses_outside_demo_and_test_mode(settings, mailbox):
    settings.CXCRM_TEST_MODE = False

    with pytest.raises(CommandError, match="CXCRM_DEMO=1"):
        load()

    assert not User.objects.exists()
