"""Rows of products, checked by the rule that the desk checks them by."""

from collections.abc import Collection, Sequence
from types import SimpleNamespace

from django.conf import settings

from accounts.models import Product
from accounts.rules.offers import offer_faults
from accounts.services.imports.row_checks import Values
from accounts.sql.import_merging import OFFER_COLUMNS


def offer_problems(rows: Sequence[Values], fields: Collection[str]) -> list[dict[str, str]]:
    """For each row what is wrong with the product that it would make, by field.

    What the feed does not say (`fields`) is as it is on products that are there already.
    """
    codes = {values["product_code"] for values in rows}
    known = {
        (product.brand_id, product.code): product
        for product in Product.objects.filter(code__in=codes)
    }
    problems = []
    for values in rows:
        there = known.get((values["brand"], values["product_code"]))
        product = SimpleNamespace(
            **{
                column: getattr(there, column)
                if there is not None and field not in fields
                else values[field]
                for field, column in OFFER_COLUMNS.items()
            }
        )
        faults = offer_faults(product, whole_prices=settings.CXCRM_WHOLE_PRICES)
        problems.append({field: str(reason) for field, reason in faults.items()})
    return problems
