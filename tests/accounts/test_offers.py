"""Products may be offered with whole prices and all their terms, and not otherwise."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Product
from accounts.rules.offers import offer_faults
from accounts.services.products import add_product, keep_product
from tests.factories import BrandFactory, ProductFactory

OFFER = {
    "on_offer": True,
    "list_price": Decimal(12),
    "promotion_price": Decimal(6),
    "promotion_months": 12,
    "tax_rate": Decimal(19),
    "currency": "EUR",
    "billing_period_months": 1,
    "first_term_months": 12,
    "after_term": "renews",
    "renewal_term_months": 12,
    "notice_months": 1,
    "notice_days": 0,
    "provisioning_hours": 1,
}
OPEN_ENDED = {"first_term_months": None, "after_term": "open_ended", "renewal_term_months": None}
NO_PROMOTION = {"promotion_price": None, "promotion_months": None}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        NO_PROMOTION,
        OPEN_ENDED,
        OPEN_ENDED | {"first_term_months": 24},
        {"list_price": Decimal("12.00"), "tax_rate": Decimal(0)},
        {"list_price": Decimal(0), "notice_months": 0},
        {"notice_months": 24, "notice_days": 366, "provisioning_hours": 8784},
    ],
)
def test_complete_offer_has_no_fault(changes):
    assert offer_faults(Product(**OFFER | changes), whole_prices=True) == {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"list_price": None}, "list_price"),
        ({"tax_rate": None}, "tax_rate"),
        ({"currency": ""}, "currency"),
        ({"billing_period_months": None}, "billing_period_months"),
        ({"after_term": ""}, "after_term"),
        ({"first_term_months": None}, "first_term_months"),
        ({"renewal_term_months": None}, "renewal_term_months"),
        ({"notice_months": None}, "notice_months"),
        ({"notice_days": None}, "notice_days"),
        ({"provisioning_hours": None}, "provisioning_hours"),
        ({"list_price": Decimal("11.99")}, "list_price"),
        ({"promotion_price": Decimal("0.99")}, "promotion_price"),
        ({"promotion_months": None}, "promotion_months"),
        ({"promotion_price": None}, "promotion_price"),
        ({"list_price": Decimal(-1)}, "list_price"),
        ({"tax_rate": Decimal(100)}, "tax_rate"),
        ({"currency": "eur"}, "currency"),
        ({"billing_period_months": 0}, "billing_period_months"),
        ({"first_term_months": 121}, "first_term_months"),
        ({"after_term": "open_ended"}, "renewal_term_months"),
        ({"notice_months": 25}, "notice_months"),
        ({"notice_days": 367}, "notice_days"),
        ({"provisioning_hours": 8785}, "provisioning_hours"),
        ({"list_price": Decimal(10) ** 10}, "list_price"),
        ({"promotion_price": Decimal("NaN")}, "promotion_price"),
        ({"tax_rate": Decimal("Infinity")}, "tax_rate"),
    ],
)
def test_fault_is_named_at_its_field(changes, field):
    faults = offer_faults(Product(**OFFER | changes), whole_prices=True)

    assert list(faults) == [field]


def test_prices_with_cents_may_be_offered_where_the_company_says_so():
    product = Product(**OFFER | {"list_price": Decimal("11.99")})

    assert offer_faults(product, whole_prices=False) == {}


def test_product_that_is_not_on_offer_may_be_incomplete_and_have_cents():
    product = Product(list_price=Decimal("11.99"))

    assert offer_faults(product, whole_prices=True) == {}


@pytest.mark.django_db
def test_product_is_added_and_changed_by_one_rule(settings):
    brand = BrandFactory()
    basics = {"brand": brand, "code": "web", "name": "Web", "family": "hosting"}

    with pytest.raises(ValidationError) as refused:
        add_product(**basics, **OFFER | {"list_price": Decimal("11.99"), "notice_days": None})
    assert set(refused.value.message_dict) == {"list_price", "notice_days"}
    assert not Product.objects.exists()

    product = add_product(**basics, **OFFER)
    product.provisioning_hours = None
    with pytest.raises(ValidationError):
        keep_product(product)
    product.provisioning_hours = 4
    keep_product(product)
    assert Product.objects.get().provisioning_hours == 4

    settings.CXCRM_WHOLE_PRICES = False
    product.list_price = Decimal("11.99")
    keep_product(product)
    assert Product.objects.get().list_price == Decimal("11.99")


@pytest.mark.django_db
def test_database_keeps_an_incomplete_offer_out():
    product = ProductFactory()

    with pytest.raises(IntegrityError, match="product_offer_is_complete"), transaction.atomic():
        Product.objects.filter(pk=product.pk).update(on_offer=True)
