"""The real feed, against a calculation that reads the raw file and uses nothing of ours."""

import csv
import gzip
import zlib
from calendar import monthrange
from datetime import date, timedelta

import pytest

from accounts.enums import ContractState, ReminderState
from accounts.models import Account, Contact, Contract, RenewalReminder
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from tests.accounts.imports.feeds import take_in

pytestmark = pytest.mark.django_db

TERMS = {"Month-to-month": 1, "One year": 12, "Two year": 24}


def months_after(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))


def start_of(customer: dict, as_of: date) -> date:
    spread = zlib.crc32(customer["customerID"].encode()) % 28
    return months_after(as_of, -int(customer["tenure"])) - timedelta(days=spread)


def renewal_of(customer: dict, as_of: date) -> date:
    start, term = start_of(customer, as_of), TERMS[customer["Contract"]]
    months = term
    while (renewal := months_after(start, months)) <= as_of:
        months += term
    return renewal


def reminder_day(renewal: date) -> date:
    deadline = months_after(renewal, -1) - timedelta(days=1)
    return min(renewal - timedelta(days=45), deadline - timedelta(days=10))


@pytest.fixture
def telco_feed(shared_data):
    return shared_data / "telco-churn" / "telco_churn.csv.gz"


@pytest.fixture
def customers(telco_feed):
    with gzip.open(telco_feed, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("as_of", [date(2026, 3, 31), date(2028, 2, 29)])
def test_telco_feed_comes_in_as_it_is(brand, telco_feed, customers, as_of):
    run = take_in(telco_feed, mapping="telco", as_of=as_of, at=instant_on(as_of))

    assert (run.rows_read, run.rows_refused) == (4_930, 0)
    running = Contract.objects.filter(state=ContractState.RUNNING)
    assert running.rolling().count() == 1_557
    assert running.fixed().count() == 2_065
    assert Account.objects.count() == Contact.objects.count() == 4_930

    fields = ("external_id", "starts_on", "renewal_date", "ends_on", "price", "state")
    found = {number: rest for number, *rest in Contract.objects.values_list(*fields)}
    for customer in customers:
        churned = customer["Churn"] == "Yes"
        start, renewal, end, price, state = found[customer["customerID"]]
        assert start == start_of(customer, as_of)
        assert renewal == (None if churned else renewal_of(customer, as_of))
        assert end == (as_of - timedelta(days=1) if churned else None)
        assert str(price) == f"{float(customer['MonthlyCharges']):.2f}"
        assert state == (ContractState.ENDED if churned else ContractState.RUNNING)

    held = set(
        RenewalReminder.objects.filter(state=ReminderState.HELD).values_list(
            "contract__external_id", "renewal_date", "due_on"
        )
    )
    expected = set()
    for customer in customers:
        renewal = renewal_of(customer, as_of)
        fixed = customer["Churn"] == "No" and customer["Contract"] != "Month-to-month"
        if fixed and reminder_day(renewal) < as_of:
            expected.add((customer["customerID"], renewal, reminder_day(renewal)))
    assert held == expected
    assert RenewalReminder.objects.count() == len(held) == run.counts["reminders"]["held"]
    assert OutgoingMail.objects.count() == 0


def test_telco_customer_is_a_californian_consumer(brand, telco_feed):
    take_in(telco_feed, mapping="telco")

    contract = Contract.objects.select_related("account", "product").get(external_id="7795-CFOCW")
    account = contract.account
    assert (account.external_id, account.name) == ("7795-CFOCW", "Customer 7795-CFOCW")
    assert (account.customer_kind, account.country, account.region) == ("consumer", "US", "CA")
    assert (account.language, account.time_zone) == ("en", "America/Los_Angeles")
    contact = account.contacts.get()
    assert contact.role == "decision_maker"
    assert contact.address.address == "7795-cfocw@customers.example"
    assert (contract.product.code, contract.first_term_months) == ("internet-dsl", 12)
    assert (contract.notice_months, contract.notice_days) == (1, 0)
    assert (contract.currency, contract.tax_rate, contract.billing_period_months) == ("USD", 0, 1)


def test_telco_feed_twice_changes_nothing(brand, telco_feed):
    take_in(telco_feed, mapping="telco")

    counts = take_in(telco_feed, mapping="telco").counts

    written = [
        counts[kind][what]
        for kind in set(counts) - {"fractional_prices"}
        for what in ("added", "changed", "held")
        if what in counts[kind]
    ]
    assert set(written) == {0}
    assert counts["contracts"]["unchanged"] == 4_930
