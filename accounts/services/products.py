from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.functional import Promise

from accounts.models import Brand, Product
from accounts.rules.offers import offer_faults
from accounts.services.policy_following import follow_policies_again


def add_product(*, brand: Brand, code: str, name: str, family: str, **offer: Any) -> Product:
    """Add something to sell, with the fields of `Product`.

    Raises ValidationError naming the fields that do not fit.
    """
    product = Product(brand=brand, code=code, name=name, family=family, **offer)
    keep_product(product)
    return product


def keep_product(product: Product) -> None:
    """Write a product as it has been filled in; contracts that run keep their own terms. Where its
    family has changed, their reminders follow as soon as a worker has time.

    Raises ValidationError naming the fields that do not fit.
    """
    if faults := faults_of_product(product):
        raise ValidationError({field: [message] for field, message in faults.items()})
    product.full_clean()
    with transaction.atomic():
        known = Product.objects.filter(pk=product.pk)
        has_moved = known.exclude(family=product.family).exists()
        product.save()
        if has_moved:
            follow_policies_again()


def faults_of_product(product: Product) -> dict[str, str | Promise]:
    """What is wrong with a product, by field, by the settings of this company."""
    return offer_faults(product, whole_prices=settings.CXCRM_WHOLE_PRICES)
