"""Accounts that lose their last contract, what that was worth, and those that come back."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.enums import CancellationKind, ContractState
from accounts.models import Contract, ExchangeRate, PriceChange
from accounts.selectors.lost_accounts import lost_accounts, may_be_written_to
from accounts.services.cancellations import cancel_contract, take_back_cancellation
from accounts.services.contracts import advance_contracts
from accounts.sql.lost_accounts import LostAccountCounts, refresh_lost_accounts
from cxcrm.base.clock import instant_on
from cxcrm.outbox.enums import LegalBasis, MailClass, ObjectionSource
from cxcrm.outbox.services import PermissionGrant, grant_permissions, mark_bounced, object_to
from tests.factories import NOW, AccountFactory, ContactFactory, ContractFactory, cancel

pytestmark = pytest.mark.django_db

JULY, AUGUST = date(2026, 7, 31), date(2026, 8, 31)


@pytest.fixture(autouse=True)
def _money_in_euros(settings):
    settings.CXCRM_REPORTING_CURRENCY = "EUR"


@pytest.fixture
def account():
    return AccountFactory(customer_kind="consumer")


def live(day: date) -> None:
    """What the clock does on the day after `day`."""
    advance_contracts(at=instant_on(day + timedelta(days=1)))


def lost(account) -> tuple[date | None, Decimal | None]:
    account.refresh_from_db()
    return account.lost_on, account.lost_arr


def events(account) -> list[tuple[str, str]]:
    rows = account.timeline.filter(kind__in=["account_lost", "account_won_back"]).order_by("id")
    return list(rows.values_list("kind", "facts__lost_on"))


def test_account_is_lost_with_its_last_contract_and_with_what_ended_that_day(account):
    cancel(ContractFactory(account=account, price=Decimal("10")), JULY)
    for price in ("5", "7.5"):
        cancel(ContractFactory(account=account, price=Decimal(price)), AUGUST)

    live(JULY)
    assert lost(account) == (None, None)
    live(AUGUST)

    assert lost(account) == (AUGUST, Decimal("150.0000"))
    assert events(account) == [("account_lost", "2026-08-31")]
    assert refresh_lost_accounts(account_ids=None, at=NOW) == LostAccountCounts(0, 0)


def test_account_with_an_ordered_contract_is_not_lost(account):
    ContractFactory(account=account, starts_on=date(2026, 10, 1))
    cancel(ContractFactory(account=account), JULY)

    live(JULY)

    assert lost(account) == (None, None)


def test_new_contract_brings_an_account_back(account):
    cancel(ContractFactory(account=account), JULY)
    live(JULY)

    ContractFactory(account=account, at=instant_on(AUGUST))

    assert lost(account) == (None, None)
    assert events(account) == [("account_lost", "2026-07-31"), ("account_won_back", "2026-07-31")]


def test_withdrawal_of_the_last_contract_loses_an_account_and_taking_it_back_does_not(account):
    cancel(ContractFactory(account=account), JULY)
    new = ContractFactory(account=account, starts_on=AUGUST, concluded_on=JULY, at=NOW)
    live(JULY)
    at = instant_on(date(2026, 8, 3))

    cancellation = cancel_contract(
        contract_id=new.pk, kind=CancellationKind.WITHDRAWAL, received_at=at, at=at
    )
    assert lost(account) == (JULY, Decimal("120.0000"))

    take_back_cancellation(cancellation_id=cancellation.pk, at=at)
    assert lost(account) == (None, None)


def test_account_that_only_withdrew_had_nothing_to_lose(account):
    new = ContractFactory(account=account, starts_on=AUGUST, concluded_on=NOW.date())

    cancel_contract(contract_id=new.pk, kind=CancellationKind.WITHDRAWAL, received_at=NOW, at=NOW)

    assert lost(account) == (None, None)
    assert events(account) == []


def test_trials_are_worth_nothing(account):
    cancel(ContractFactory(account=account, is_trial=True), JULY)

    live(JULY)

    assert lost(account) == (JULY, Decimal("0"))


def test_lost_money_is_told_by_the_rate_of_the_day(account):
    for day, rate in ((date(2026, 1, 1), "0.8"), (AUGUST, "0.9")):
        ExchangeRate.objects.create(currency="USD", valid_from=day, rate=Decimal(rate))
    cancel(ContractFactory(account=account, currency="USD"), JULY)

    live(JULY)

    assert lost(account) == (JULY, Decimal("96.0000"))


def test_missing_rate_leaves_the_money_open_until_there_is_one(account):
    cancel(ContractFactory(account=account, currency="USD"), JULY)
    cancel(ContractFactory(account=account, currency="EUR"), JULY)
    live(JULY)
    assert lost(account) == (JULY, None)
    assert refresh_lost_accounts(account_ids=None, at=NOW) == LostAccountCounts(0, 0)

    ExchangeRate.objects.create(currency="USD", valid_from=JULY, rate=Decimal("0.5"))
    refresh_lost_accounts(account_ids=None, at=NOW)

    assert lost(account) == (JULY, Decimal("180.0000"))
    assert events(account) == [("account_lost", "2026-07-31")]


def test_free_contract_in_a_currency_without_a_rate_hides_no_money(account):
    cancel(ContractFactory(account=account, currency="CHF", price=0), JULY)
    cancel(ContractFactory(account=account), JULY)

    live(JULY)

    assert lost(account) == (JULY, Decimal("120.0000"))


def test_price_is_that_of_the_last_day(account):
    contract = ContractFactory(account=account)
    cancel(contract, JULY)
    for day, before in ((AUGUST, "99.0000"), (JULY, "50.0000")):
        PriceChange.objects.create(
            contract=contract,
            effective_on=day,
            price=Decimal("20"),
            reason="feed",
            price_before=Decimal("1"),
            yearly_value_before=Decimal(before),
            currency_before="EUR",
            applied_at=NOW,
            created_at=NOW,
        )

    live(JULY)

    assert lost(account) == (JULY, Decimal("99.0000"))


def test_repair_finds_all_and_only_what_differs():
    moved, gone, living = AccountFactory(), AccountFactory(), AccountFactory()
    for account in (moved, gone, living):
        ContractFactory(account=account)
    Contract.objects.exclude(account=living).update(state=ContractState.ENDED, ends_on=JULY)
    moved.lost_on, moved.lost_arr = AUGUST, Decimal("1")
    moved.save()
    living.lost_on, living.lost_arr = AUGUST, Decimal("1")
    living.save()

    assert refresh_lost_accounts(account_ids=None, at=NOW) == LostAccountCounts(1, 1)

    assert [lost(account)[0] for account in (moved, gone, living)] == [JULY, JULY, None]
    assert [kind for account in (moved, gone) for kind, _day in events(account)] == ["account_lost"]


def test_only_the_named_accounts_are_looked_at():
    first, second = AccountFactory(), AccountFactory()
    for account in (first, second):
        ContractFactory(account=account)
    Contract.objects.update(state=ContractState.ENDED, ends_on=JULY)

    counts = refresh_lost_accounts(account_ids=[first.pk], at=NOW)

    assert counts == LostAccountCounts(lost=1, won_back=0)
    assert [lost(first)[0], lost(second)[0]] == [JULY, None]


def allow(contact, *classes: MailClass) -> None:
    for mail_class in classes:
        grant = PermissionGrant(contact.address_id, mail_class, LegalBasis.CONSENT, "form")
        grant_permissions(grants=[grant], at=NOW)


def test_win_back_list_says_what_may_be_written_and_to_whom(account):
    cancel(ContractFactory(account=account), JULY)
    living, bounced = ContactFactory(account=account), ContactFactory(account=account)
    live(JULY)
    [row] = lost_accounts()
    assert row.mail_classes == []
    assert not may_be_written_to(lost_accounts()).exists()

    allow(living, MailClass.NEWSLETTER, MailClass.SURVEY, MailClass.SERVICE)
    allow(bounced, MailClass.PROGRAMME)
    mark_bounced(address_id=bounced.address_id, reason="550", at=NOW)
    object_to(
        address_id=living.address_id, mail_class=MailClass.SURVEY, via=ObjectionSource.PHONE, at=NOW
    )

    [row] = lost_accounts()
    assert row.mail_classes == ["newsletter"]
    assert may_be_written_to(lost_accounts()).get() == row
    assert row.reason is None
