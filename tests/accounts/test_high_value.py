"""What accounts are worth, and which are of high value."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from structlog.testing import capture_logs

from accounts.enums import AfterTerm
from accounts.models import Account
from accounts.services.due_work import run_due_work
from accounts.services.prices import announce_price_change
from accounts.services.revenue import record_revenue_days
from tests.factories import (
    NOW,
    AccountFactory,
    BrandFactory,
    ContractFactory,
    cancel,
    exchange_rate,
)

pytestmark = pytest.mark.django_db

TODAY = NOW.date()  # 1 June 2026
DAY = timedelta(days=1)


def worth(brand, *yearly: int) -> list[Account]:
    accounts = []
    for value in yearly:
        account = AccountFactory(brand=brand)
        if value:
            ContractFactory(account=account, price=Decimal(value), billing_period_months=12)
        accounts.append(account)
    return accounts


def versions() -> dict[int, str]:
    """Which write each account is of."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, ctid::text FROM accounts_account")
        return dict(cursor.fetchall())


def high_value(accounts: list[Account]) -> list[Decimal]:
    rows = Account.objects.filter(pk__in=[account.pk for account in accounts], is_high_value=True)
    return sorted(rows.values_list("arr", flat=True), reverse=True)


@pytest.mark.parametrize(
    ("yearly", "share", "expected"),
    [
        (range(1, 21), "0.10", [20, 19]),
        (range(1, 22), "0.10", [21, 20, 19]),  # 2.1 of 21: rounded up
        ([5, 5, 5, 1], "0.10", []),  # a tie at the border stays out as a whole
        ([9] * 30, "0.10", []),
        ([9, 9, *range(1, 9)], "0.25", [9, 9, 8]),  # 2.5: three find room
        ([9, *[5] * 9], "0.25", [9]),
        ([3], "0.10", [3]),  # one at least
        ([0, 0, 4, 0, 0], "0.10", [4]),
        ([0, 0], "0.10", []),
        ([1, 2, 3, 4], "0.5", [4, 3]),
    ],
)
def test_high_value_is_the_top_share_of_the_brands_accounts_with_revenue(
    yearly, share, expected, settings
):
    settings.CXCRM_HIGH_VALUE_SHARE = Decimal(share)
    accounts = worth(BrandFactory(), *yearly)
    worth(BrandFactory(), *range(1_000, 1_010))

    record_revenue_days(at=NOW)

    assert high_value(accounts) == expected


def test_high_value_moves_with_the_money_and_unchanged_accounts_are_not_written():
    accounts = worth(BrandFactory(), *range(1, 11))
    record_revenue_days(at=NOW)
    before = versions()
    contract = accounts[0].contracts.get()
    announce_price_change(
        contract_id=contract.pk,
        price=Decimal(50),
        effective_on=TODAY + DAY,
        announced_on=TODAY,
        at=NOW,
    )

    run_due_work(at=NOW + 2 * DAY)

    assert high_value(accounts) == [50]
    after = versions()
    written = {pk for pk, version in before.items() if after[pk] != version}
    assert written == {accounts[0].pk, accounts[9].pk}


def test_missing_rate_leaves_the_brands_marks_as_they_are_and_is_logged():
    north, south = BrandFactory(), BrandFactory()
    of_north, of_south = worth(north, 10, 20), worth(south, 10, 20)
    record_revenue_days(at=NOW)
    stranger = AccountFactory(brand=north)
    ContractFactory(account=stranger, currency="CHF", price=Decimal(900))
    ContractFactory(account=of_north[0], price=Decimal(90))
    ContractFactory(account=of_south[0], price=Decimal(90))

    with capture_logs() as logs:
        record_revenue_days(at=NOW + DAY)

    assert [(log["event"], log["currency"]) for log in logs] == [("exchange_rate_missing", "CHF")]
    assert high_value(of_north) == [20]
    assert high_value(of_south) == [1090]
    stranger.refresh_from_db()
    assert stranger.arr == 0
    exchange_rate("CHF", "1.1")
    record_revenue_days(at=NOW + 2 * DAY)
    stranger.refresh_from_db()
    assert (stranger.arr, stranger.is_high_value) == (Decimal("11880.0000"), True)


def test_account_that_lost_its_last_contract_is_worth_nothing_the_day_after():
    contract = ContractFactory(after_term=AfterTerm.RENEWS)
    record_revenue_days(at=NOW)
    cancel(contract, TODAY)

    run_due_work(at=NOW + 2 * DAY)

    account = Account.objects.get()
    assert (account.arr, account.is_high_value) == (0, False)


def test_lost_revenue_is_told_once_the_missing_rate_is_there():
    contract = ContractFactory(currency="CHF")
    cancel(contract, TODAY)
    run_due_work(at=NOW + DAY)
    assert Account.objects.get().lost_arr is None

    exchange_rate("CHF", "1.1")
    run_due_work(at=NOW + 2 * DAY)

    assert Account.objects.get().lost_arr == Decimal(132)
