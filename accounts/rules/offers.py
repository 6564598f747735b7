"""When a product may be offered: with a price that needs no small print, and all its terms."""

from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.enums import AfterTerm
from accounts.rules.prices import HIGHEST_PRICE

LONGEST_TERM_MONTHS = 120
LONGEST_BILLING_PERIOD_MONTHS = 60
LONGEST_NOTICE_MONTHS = 24
LONGEST_NOTICE_DAYS = 366
LONGEST_PROVISIONING_HOURS = 366 * 24

_MISSING = {
    "list_price": _("A product on offer needs a list price."),
    "tax_rate": _("A product on offer needs its tax; 0 where there is none."),
    "currency": _("A product on offer needs a currency."),
    "billing_period_months": _("A product on offer needs a billing period."),
    "after_term": _("A product on offer needs to say what happens after the term."),
    "notice_months": _("A product on offer needs the months of its notice period; 0 is fine."),
    "notice_days": _("A product on offer needs the further days of its notice; 0 is fine."),
    "provisioning_hours": _("A product on offer needs its provisioning time."),
}
_PRICES = ("list_price", "promotion_price")


def offer_faults(product: Any, *, whole_prices: bool) -> dict[str, str | Promise]:
    """What is wrong with a product, by field, in words for whoever enters it; empty if nothing is.

    One that is not on offer may be incomplete, but what it says has to fit together.
    """
    faults = _faults_of_values(product)
    if product.on_offer:
        for field, message in (_MISSING | _missing_terms(product)).items():
            if getattr(product, field) in (None, ""):
                faults.setdefault(field, message)
        if whole_prices:
            for field in _PRICES:
                price = getattr(product, field)
                if price is not None and price % 1:
                    faults.setdefault(field, _("Prices on offer are whole amounts, without cents."))
    return faults


def _missing_terms(product: Any) -> dict[str, str | Promise]:
    if product.after_term != AfterTerm.RENEWS:
        return {}
    return {
        "first_term_months": _("A product that renews needs its first term."),
        "renewal_term_months": _("A product that renews needs its further terms."),
    }


def _faults_of_values(product: Any) -> dict[str, str | Promise]:
    faults: dict[str, str | Promise] = {}
    for field in _PRICES:
        price: Decimal | None = getattr(product, field)
        if price is None:
            continue
        if not Decimal(price).is_finite() or price < 0:
            faults[field] = _("A price is 0 or more.")
        elif price > HIGHEST_PRICE:
            faults[field] = _("This price is higher than any that can be kept.")
    tax_rate: Decimal | None = product.tax_rate
    if tax_rate is not None and not (Decimal(tax_rate).is_finite() and 0 <= tax_rate < 100):
        faults["tax_rate"] = _("A tax lies between 0 and 100 percent.")
    currency = product.currency
    if currency and not (
        len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()
    ):
        faults["currency"] = _("A currency is three capital letters, like EUR.")
    for field, longest in (
        ("billing_period_months", LONGEST_BILLING_PERIOD_MONTHS),
        ("first_term_months", LONGEST_TERM_MONTHS),
        ("renewal_term_months", LONGEST_TERM_MONTHS),
        ("promotion_months", LONGEST_TERM_MONTHS),
    ):
        months = getattr(product, field)
        if months is not None and not 1 <= months <= longest:
            faults[field] = _("Of months there are 1 at least, and no more than a contract allows.")
    for field, longest, message in (
        ("notice_months", LONGEST_NOTICE_MONTHS, _("A notice period has 24 months at most.")),
        ("notice_days", LONGEST_NOTICE_DAYS, _("A notice period has 366 further days at most.")),
        (
            "provisioning_hours",
            LONGEST_PROVISIONING_HOURS,
            _("A provisioning time is a year at most, 8784 hours."),
        ),
    ):
        number = getattr(product, field)
        if number is not None and not 0 <= number <= longest:
            faults[field] = message
    if product.after_term == AfterTerm.OPEN_ENDED and product.renewal_term_months is not None:
        faults.setdefault(
            "renewal_term_months", _("What runs on without a term has no further terms.")
        )
    if product.promotion_price is not None and product.promotion_months is None:
        faults["promotion_months"] = _("Say for how many months the promotion's price holds.")
    if product.promotion_months is not None and product.promotion_price is None:
        faults["promotion_price"] = _("A promotion needs a price.")
    return faults
