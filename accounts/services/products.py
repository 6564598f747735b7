from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, Product
from accounts.rules.offers import offer_faults
from accounts.services.policy_following import follow_policies_again
from cxcrm.base.constraints import once
from cxcrm.base.errors import Taken


class CodeTaken(Taken):
    code = "code_taken"


def add_product(*, brand: Brand, code: str, name: str, family: str, **offer: Any) -> Product:
    """Add something to sell, with the fields of `Product`.

    Raises ValidationError naming the fields that do not fit, and CodeTaken.
    """
    product = Product(brand=brand, code=code, name=name, family=family, **offer)
    keep_product(product)
    return product


def keep_product(product: Product) -> None:
    """Write a product as it has been filled in; contracts that run keep their own terms. Where its
    family has changed, their reminders follow as soon as a worker has time.

    Raises ValidationError naming the fields that do not fit, and CodeTaken.
    """
    if faults := faults_of_product(product):
        raise ValidationError({field: [message] for field, message in faults.items()})
    product.full_clean(validate_constraints=False)
    with transaction.atomic():
        known = Product.objects.filter(pk=product.pk)
        has_moved = known.exclude(family=product.family).exists()
        with once("product_code_once_per_brand", _code_taken()):
            product.save()
        if has_moved:
            follow_policies_again()


def lock_product(product_id: int) -> None:
    """Lock a product until the end of the transaction."""
    Product.objects.select_for_update(no_key=True).get(pk=product_id)


def faults_of_product(product: Product) -> dict[str, str | Promise]:
    """What is wrong with a product, by field, by the settings of this company."""
    return offer_faults(product, whole_prices=settings.CXCRM_WHOLE_PRICES)


def _code_taken() -> CodeTaken:
    return CodeTaken(_("This brand already has a product of this code."), field="code")
