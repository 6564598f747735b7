"""Prices, offers, rates and revenue at the desk."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import ExchangeRate, PriceChange, Product
from accounts.services.exchange_rates import add_exchange_rate
from accounts.services.prices import announce_price_change
from accounts.services.revenue import recompute_revenue, record_revenue_days
from cxcrm.users.enums import Role
from tests.accounts.test_offers import OFFER
from tests.agent_desk.test_pages import page
from tests.factories import (
    NOW,
    AccountFactory,
    BrandFactory,
    ContractFactory,
    ProductFactory,
    cancel,
)

TODAY = NOW.date()  # 1 June 2026
YESTERDAY = TODAY - timedelta(days=1)
JULY = date(2026, 7, 1)


def deed(contract, name: str) -> str:
    return reverse(f"admin:accounts_contract_{name}", args=[contract.pk])


def announce(contract, price: int = 12) -> PriceChange:
    return announce_price_change(
        contract_id=contract.pk,
        price=Decimal(price),
        effective_on=JULY,
        announced_on=TODAY,
        at=NOW,
    )


# --- Prices without small print


def test_account_page_says_what_is_paid_now_and_after_beside_the_product(desk):
    account = AccountFactory(customer_kind="consumer")
    product = ProductFactory(brand=account.brand, name="Webhosting Pro")
    contract = ContractFactory(account=account, product=product, tax_rate=19, notice_days=7)
    announce(contract)

    text = desk(Role.AGENT).get(page(account)).text

    for shown in (
        "11.90 EUR gross / month, 19% tax included",
        "14.28 EUR gross from July 1, 2026: Announced price change",
        "12 months, then 12 more each",
        "1 month + 7 days",
    ):
        assert shown in text


def test_contract_page_says_all_terms_and_which_prices_changed(desk):
    contract = ContractFactory(
        tax_rate=19, price=Decimal("9.99"), renewal_price=Decimal(12), billing_period_months=3
    )
    announce(contract, price=11)

    text = desk(Role.AGENT).get(page(contract)).text

    for shown in (
        "9.99 EUR net / 3 months, plus 19% tax",
        "11.00 EUR net from July 1, 2026: Announced price change",
        "Jan. 15, 2027",
        "to come",
    ):
        assert shown in text


def test_contract_page_says_each_price_that_is_to_come(desk):
    contract = ContractFactory(renewal_price=Decimal(20))
    announce(contract)

    text = desk(Role.AGENT).get(page(contract)).text

    assert "12.00 EUR net from July 1, 2026: Announced price change" in text
    assert "20.00 EUR net from Jan. 15, 2027: Renewal" in text


def test_contract_list_says_price_tax_and_terms_as_the_customer_reads_them(desk):
    announce(ContractFactory())
    consumer = AccountFactory(customer_kind="consumer")
    ContractFactory(account=consumer, tax_rate=19, price=Decimal("3.50"))

    text = desk(Role.AGENT).get(reverse("admin:accounts_contract_changelist")).text

    assert (
        "10.00 EUR net / month · 12.00 EUR net from July 1, 2026: Announced price change · "
        "12 months, then 12 more each · Notice: 1 month"
    ) in text
    assert "4.17 EUR gross / month, 19% tax included · 12 months" in text


# --- Announcing and calling off


def test_lead_announces_a_price_change_and_calls_it_off(desk):
    contract = ContractFactory()
    client = desk(Role.TEAM_LEAD)
    answers = {"price": "12.50", "effective_on": "2026-07-01", "announced_on": "2026-06-01"}

    client.post(deed(contract, "announce_price_change"), {"_form_submitted": "on", **answers})

    change = PriceChange.objects.get()
    assert (change.price, change.effective_on, change.created_by) == (
        Decimal("12.50"),
        JULY,
        client.user,
    )
    client.post(
        deed(contract, "call_off_price_change"),
        {"_form_submitted": "on", "price_change": change.pk},
    )
    assert not PriceChange.objects.exists()


def test_refusal_is_shown_beside_its_field(desk):
    contract = ContractFactory()
    answers = {"price": "12", "effective_on": "2026-06-01", "announced_on": "2026-06-01"}

    response = desk(Role.TEAM_LEAD).post(
        deed(contract, "announce_price_change"), {"_form_submitted": "on", **answers}
    )

    assert response.status_code == 200
    assert "This day has come already." in response.text
    assert not PriceChange.objects.exists()


def test_change_of_another_contract_cannot_be_called_off_from_this_page(desk):
    contract, other = ContractFactory(), ContractFactory()
    change = announce(other)
    announce(contract)

    desk(Role.TEAM_LEAD).post(
        deed(contract, "call_off_price_change"),
        {"_form_submitted": "on", "price_change": change.pk},
    )

    assert PriceChange.objects.filter(pk=change.pk).exists()


def test_dialog_of_no_contract_offers_no_change_to_call_off(desk):
    change = announce(ContractFactory())
    url = reverse("admin:accounts_contract_call_off_price_change", args=["abc"])

    desk(Role.TEAM_LEAD).post(url, {"price_change": change.pk})

    assert PriceChange.objects.filter(pk=change.pk).exists()


def test_price_deeds_are_offered_where_they_fit(desk):
    contract, announced, over = ContractFactory(), ContractFactory(), ContractFactory()
    announce(announced)
    cancel(over, TODAY)
    type(over).objects.filter(pk=over.pk).update(state="ended")
    client = desk(Role.TEAM_LEAD)

    offered = {
        name: [
            word
            for word in ("Announce price change", "Call off price change")
            if word in client.get(page(row)).text
        ]
        for name, row in (("plain", contract), ("announced", announced), ("over", over))
    }

    assert offered == {
        "plain": ["Announce price change"],
        "announced": ["Announce price change", "Call off price change"],
        "over": [],
    }
    assert "Announce price change" not in desk(Role.AGENT).get(page(contract)).text


# --- Products on offer


def test_offer_is_refused_at_the_field_that_is_missing_and_shown_as_customers_read_it(desk):
    product = ProductFactory()
    client = desk(Role.CX_MANAGER)
    basics = {"code": product.code, "name": product.name, "family": product.family}
    answers = basics | {name: value for name, value in OFFER.items() if value is not None}
    answers |= {"on_offer": "on"}

    refused = client.post(page(product), answers | {"notice_months": "", "list_price": "11.99"})
    errors = refused.context["adminform"].form.errors
    assert set(errors) == {"notice_months", "list_price"}
    assert not Product.objects.get().on_offer

    client.post(page(product), answers)
    text = client.get(page(product)).text
    for shown in (
        "6.00 EUR net / month, plus 19% tax",
        "12.00 EUR net / month, plus 19% tax",
        "after 12 months: end of the promotion",
        "12 months, then 12 more each",
        "1 hour",
    ):
        assert shown in text


def test_products_can_be_narrowed_to_those_on_offer_and_by_family(desk):
    ProductFactory(name="Old", family="mail")
    ProductFactory(name="New", **OFFER)
    client = desk(Role.AGENT)
    url = reverse("admin:accounts_product_changelist")

    def listed(**query):
        return [str(row) for row in client.get(url, query).context["cl"].result_list]

    assert listed() == ["New", "Old"]
    assert listed(show="on-offer") == ["New"]
    assert listed(family="mail") == ["Old"]


# --- Rates


def test_manager_enters_a_rate_and_not_one_of_the_reporting_currency(desk):
    client = desk(Role.CX_MANAGER)
    url = reverse("admin:accounts_exchangerate_add")

    for currency in ("usd", "EUR", "USD"):
        response = client.post(
            url, {"currency": currency, "valid_from": "2026-01-01", "rate": "0.9"}
        )

    [rate] = ExchangeRate.objects.all()
    assert (rate.currency, rate.rate) == ("USD", Decimal("0.9"))
    assert "has a rate of this day already" in response.text


# --- Revenue


def revenue(client, **query):
    return client.get(reverse("admin:revenue"), query)


def test_revenue_page_tells_the_last_recorded_day_and_the_days_before(desk):
    north, south = BrandFactory(code="north"), BrandFactory(code="south")
    ContractFactory(account=AccountFactory(brand=north), price=Decimal(100))
    under_notice = ContractFactory(account=AccountFactory(brand=south), price=Decimal(50))
    cancel(under_notice, date(2026, 12, 31), at=NOW - timedelta(days=3))
    recompute_revenue(since=date(2026, 5, 20), until=YESTERDAY, at=NOW)
    client = desk(Role.EXECUTIVE)

    both, one = revenue(client), revenue(client, brand="south", days="30")

    latest = both.context["latest"]
    assert (latest.day, latest.arr, latest.mrr) == (YESTERDAY, Decimal(1800), Decimal(150))
    assert (latest.under_notice, latest.accounts, latest.contracts) == (Decimal(600), 2, 2)
    assert len(both.context["days"]) == 12
    assert both.context["chart"].points.count(",") == 12
    assert "1,800.00" in both.text
    assert one.context["latest"].arr == Decimal(600)


def test_revenue_page_takes_the_same_queries_for_one_day_and_for_three(desk):
    add_exchange_rate(currency="USD", valid_from=date(2026, 1, 1), rate=Decimal("0.9"))
    for currency in ("EUR", "USD"):
        ContractFactory(currency=currency)
    client = desk(Role.TEAM_LEAD)

    for days in (1, 3):
        recompute_revenue(since=TODAY - timedelta(days=days), until=YESTERDAY, at=NOW)
        with CaptureQueriesContext(connection) as captured:
            response = revenue(client)
        assert len(response.context["days"]) == days
        assert len(captured) == 9


def test_revenue_page_says_that_nothing_is_recorded_or_which_rate_is_missing(desk):
    client = desk(Role.TEAM_LEAD)
    assert "No day is recorded in this period" in revenue(client).text

    ContractFactory(currency="CHF")
    record_revenue_days(at=NOW)

    response = revenue(client)
    assert "no rate of CHF in EUR" in response.text
    assert reverse("admin:accounts_exchangerate_changelist") in response.text
    export = client.get(reverse("admin:revenue_export", args=["csv"]))
    assert export["Location"] == reverse("admin:revenue")


@pytest.mark.parametrize("query", [{"days": "7"}, {"days": "x"}, {"brand": "none"}, {"days": "٣"}])
def test_revenue_page_ignores_what_it_does_not_know(desk, query):
    ContractFactory()
    record_revenue_days(at=NOW)

    assert revenue(desk(Role.TEAM_LEAD), **query).context["latest"].arr == 120


def test_revenue_comes_as_a_file(desk):
    ContractFactory(price=Decimal("8.33"))
    record_revenue_days(at=NOW)

    response = desk(Role.TEAM_LEAD).get(reverse("admin:revenue_export", args=["csv"]))

    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert lines == [
        "Day,Currency,ARR,MRR,ARR under notice,Accounts,Contracts",
        "2026-05-31,EUR,99.9600,8.3300,0.0000,1,1",
    ]
    unknown = desk(Role.TEAM_LEAD).get(reverse("admin:revenue_export", args=["pdf"]))
    assert unknown.status_code == 404


def test_account_page_tells_the_money_of_a_chosen_day(desk):
    account = AccountFactory()
    ContractFactory(account=account)
    ContractFactory(account=account, currency="USD", starts_on=TODAY)
    add_exchange_rate(currency="USD", valid_from=TODAY, rate=Decimal("0.5"))
    client = desk(Role.AGENT)

    def shown(**query):
        overview = client.get(page(account), query).context["overview"]
        return overview.revenue_on, overview.revenue.total.arr

    assert shown() == (TODAY, Decimal(180))
    assert shown(on="2026-05-31") == (YESTERDAY, Decimal(120))
    assert shown(on="31.05.2026") == (TODAY, Decimal(180))


def test_account_of_high_value_is_marked_and_listed(desk):
    small, large = AccountFactory(), AccountFactory()
    large.brand = small.brand
    large.save()
    ContractFactory(account=small)
    ContractFactory(account=large, price=Decimal(90))
    record_revenue_days(at=NOW)
    client = desk(Role.AGENT)

    listed = client.get(reverse("admin:accounts_account_changelist"), {"show": "high-value"})

    assert [row.pk for row in listed.context["cl"].result_list] == [large.pk]
    assert "High value" in client.get(page(large)).text
    assert "desk-state high-value" not in client.get(page(small)).text
