"""Feeds of accounts, contacts and products, and contracts that only refer to them."""

from decimal import Decimal

import pytest

from accounts.models import Account, Contact, Contract, Product
from accounts.services.imports import FeedRefused, MappingRefused
from cxcrm.outbox.models import MailPermission
from tests.accounts.imports.feeds import issues, row
from tests.factories import AccountFactory, ContactFactory, ContractFactory

pytestmark = pytest.mark.django_db

ACCOUNT = ("account_number", "account_name", "customer_kind", "country", "language", "time_zone")
CONTACT = ("account_number", "contact_number", "contact_name", "contact_address")
PERMISSION = ("newsletter_basis", "newsletter_source", "newsletter_since")

OFFER = {
    "product_code": "web-s",
    "product_name": "Web S",
    "product_family": "hosting",
    "on_offer": "yes",
    "list_price": "10",
    "promotion_price": "5",
    "promotion_months": "6",
    "tax_rate": "19",
    "currency": "EUR",
    "billing_period_months": "1",
    "first_term_months": "12",
    "after_term": "renews",
    "renewal_term_months": "12",
    "notice_months": "1",
    "notice_days": "0",
    "provisioning_hours": "24",
}


def part(*names: str, **changes: str) -> dict[str, str]:
    """Some columns of a whole row."""
    return {name: value for name, value in row().items() if name in names} | changes


def test_accounts_come_in_with_and_without_contacts(take_in_rows):
    rows = [
        part(*ACCOUNT, *CONTACT, *PERMISSION),
        part(*ACCOUNT, *CONTACT, *PERMISSION, contact_number="P2", contact_address="p2@b.example"),
        part(*ACCOUNT, *CONTACT, *PERMISSION)
        | dict.fromkeys((*CONTACT, *PERMISSION), "")
        | {"account_number": "K2"},
    ]

    run = take_in_rows(*rows, mapping="standard_accounts")
    again = take_in_rows(*rows, mapping="standard_accounts")

    assert issues(run) == []
    accounts = Account.objects.order_by("external_id")
    assert [(account.external_id, account.contacts.count()) for account in accounts] == [
        ("K1", 2),
        ("K2", 0),
    ]
    assert MailPermission.objects.count() == 2
    assert (run.kind, again.counts) == (
        "accounts",
        {
            "accounts": {"added": 0, "changed": 0, "unchanged": 2},
            "contacts": {"added": 0, "changed": 0, "unchanged": 2},
            "permissions": {"added": 0, "changed": 0, "unchanged": 2},
        },
    )


def test_feed_of_accounts_says_who_has_left_and_is_compared(take_in_rows, brand):
    for number in ("left", "stays", "runs", "new"):
        AccountFactory(brand=brand, external_id=number)
    ContractFactory(account=Account.objects.get(external_id="runs"))
    for number in ("left", "stays"):
        contract = ContractFactory(account=Account.objects.get(external_id=number))
        Contract.objects.filter(pk=contract.pk).update(state="ended", ends_on="2026-05-01")
    rows = [
        part(*ACCOUNT, account_number=number, control_has_left=left)
        for number, left in (("left", "TRUE"), ("stays", "no"), ("runs", "1"), ("new", "yes"))
    ]

    run = take_in_rows(*rows, mapping="standard_accounts")

    assert issues(run) == [
        (
            3,
            "control_has_left",
            "the customer has not left, says the feed; every contract has ended",
        ),
        (4, "control_has_left", "the customer has left, says the feed; contracts not ended: 1"),
    ]
    assert set(run.issues.values_list("severity", flat=True)) == {"contradiction"}
    assert (run.contradictions, run.rows_refused) == (2, 0)
    assert run.counts["accounts"]["changed"] == 4


def test_contacts_come_in_for_accounts_that_are_there(take_in_rows, brand):
    account = AccountFactory(brand=brand, external_id="K1", time_zone="America/New_York")

    run = take_in_rows(
        part(*CONTACT, *PERMISSION),
        part(*CONTACT, *PERMISSION, account_number="K9"),
        part(*CONTACT, *PERMISSION, contact_name=""),
        mapping="standard_contacts",
    )

    assert issues(run) == [
        (3, "account_number", "there is no account of this number"),
        (4, "contact_name", "is missing"),
    ]
    contact = Contact.objects.get()
    assert (contact.account, contact.external_id, contact.role) == (account, "P1", "decision_maker")
    # A day begins where the customer lives.
    assert MailPermission.objects.get().granted_at.isoformat() == "2025-12-20T05:00:00+00:00"


def test_contracts_may_refer_to_accounts_by_number(take_in_rows, brand):
    account = AccountFactory(brand=brand, external_id="K1", name="As it was")
    ContactFactory(account=account)
    left_out = {*ACCOUNT, "segment", "region"} - {"account_number"}
    rows = [
        {name: value for name, value in a_row.items() if name not in left_out}
        for a_row in (row(), row(account_number="K9", contract_number="V2"))
    ]

    run = take_in_rows(*rows)

    assert issues(run) == [(3, "account_number", "there is no account of this number")]
    assert Contract.objects.get().account == account
    assert Account.objects.get().name == "As it was"
    assert "accounts" not in run.counts


def test_account_details_come_together_or_not_at_all(take_in_rows):
    without_country = {name: value for name, value in row().items() if name != "country"}

    with pytest.raises(FeedRefused, match=r"mapping standard needs them: country$"):
        take_in_rows(without_country)

    sources = {name: {"column": name} for name in row() if name != "country"}
    with pytest.raises(MappingRefused) as refusal:
        take_in_rows(row(), mapping={"fields": sources})
    assert str(refusal.value) == "country: it is required, and nothing is mapped to it."
    assert refusal.value.field == "country"


def test_products_come_in_with_all_that_an_offer_says(take_in_rows, brand):
    run = take_in_rows(OFFER, mapping="standard_products")
    again = take_in_rows(OFFER, mapping="standard_products")

    product = Product.objects.get()
    terms = ("first_term_months", "after_term", "renewal_term_months", "notice_months")
    assert [getattr(product, name) for name in terms] == [12, "renews", 12, 1]
    assert (product.tax_rate, product.currency, product.billing_period_months) == (19, "EUR", 1)
    assert (product.notice_days, product.provisioning_hours) == (0, 24)
    assert (product.promotion_months, product.family) == (6, "hosting")
    assert (product.brand, product.code, product.on_offer) == (brand, "web-s", True)
    assert (product.list_price, product.promotion_price) == (Decimal(10), Decimal(5))
    assert run.counts == {"products": {"added": 1, "changed": 0, "unchanged": 0}}
    assert again.counts == {"products": {"added": 0, "changed": 0, "unchanged": 1}}


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        ("list_price", "9.90", "Prices on offer are whole amounts, without cents."),
        ("provisioning_hours", "", "A product on offer needs its provisioning time."),
        ("promotion_months", "", "Say for how many months the promotion's price holds."),
        ("on_offer", "perhaps", "“perhaps” is neither yes nor no"),
    ],
)
def test_products_are_held_to_the_rule_of_offers(take_in_rows, field, text, reason):
    run = take_in_rows(
        OFFER | {field: text}, OFFER | {"product_code": "web-m"}, mapping="standard_products"
    )

    assert issues(run) == [(2, field, reason)]
    assert Product.objects.get().code == "web-m"


def test_products_that_the_feed_says_in_part_are_checked_as_a_whole(take_in_rows, brand):
    take_in_rows(OFFER, mapping="standard_products")

    run = take_in_rows(
        {"product_code": "web-s", "list_price": "12", "notice_months": ""},
        mapping="standard_products",
    )

    reason = "A product on offer needs the months of its notice period; 0 is fine."
    assert issues(run) == [(2, "notice_months", reason)]
    take_in_rows({"product_code": "web-s", "list_price": "12"}, mapping="standard_products")
    product = Product.objects.get()
    assert (product.list_price, product.notice_months, product.on_offer) == (Decimal(12), 1, True)


def test_second_row_of_a_product_is_refused(take_in_rows):
    run = take_in_rows(OFFER, OFFER, mapping="standard_products")

    assert issues(run) == [(3, "product_code", "stands in line 2 already")]


def test_control_fields_of_contracts_are_compared_and_not_kept(take_in_rows):
    run = take_in_rows(
        row(control_yearly_value="118.80", control_has_ended="no"),
        row(contract_number="V2", control_yearly_value="118.79", control_has_ended="yes"),
        row(
            contract_number="V3",
            ends_on="2026-05-31",
            control_yearly_value="",
            control_has_ended="FALSE",
        ),
    )

    assert issues(run) == [
        (3, "control_has_ended", "the contract has ended, says the feed; here it has not"),
        (
            3,
            "control_yearly_value",
            "the feed says 118.79, price and billing period come to 118.80",
        ),
        (4, "control_has_ended", "the contract has not ended, says the feed; here it has"),
    ]
    assert (run.contradictions, run.rows_refused) == (2, 0)
    assert Contract.objects.count() == 3


def test_dry_run_reports_contradictions_and_keeps_nothing(take_in_rows):
    run = take_in_rows(row(control_has_ended="yes"), row(price="?"), dry_run=True)

    assert issues(run) == [
        (2, "control_has_ended", "the contract has ended, says the feed; here it has not"),
        (3, "price", "“?” is no number like 1234.50"),
    ]
    assert (run.contradictions, run.rows_refused, run.state) == (1, 1, "dry_run")
    assert Contract.objects.count() == 0


def test_import_counts_prices_with_fractions(take_in_rows):
    run = take_in_rows(
        row(price="9.90"), row(contract_number="V2", price="10.00"), row(contract_number="V3")
    )

    assert run.counts["fractional_prices"] == 2


def test_customers_are_lost_and_won_back_by_a_feed(take_in_rows):
    take_in_rows(row(ends_on="2026-05-31"))
    account = Account.objects.get()
    assert (str(account.lost_on), account.lost_arr) == ("2026-05-31", Decimal("118.8000"))

    take_in_rows(row(ends_on=""))
    account.refresh_from_db()
    assert (account.lost_on, account.lost_arr) == (None, None)
    assert set(account.timeline.values_list("kind", flat=True)) == {
        "account_added",
        "contract_added",
        "account_lost",
        "contract_end_taken_back",
        "account_won_back",
    }
