from datetime import datetime

from django.db import transaction

from accounts.enums import TimelineKind
from accounts.models import Account, Brand, Contact, Product
from accounts.services.timeline import record_event
from cxcrm.outbox.services import remember_addresses


def add_account(*, brand: Brand, at: datetime, actor=None, **details) -> Account:
    """Add a customer with the fields of `Account`; notes it on the timeline.

    Raises ValidationError naming the fields that do not fit.
    """
    account = Account(brand=brand, created_at=at, **details)
    account.full_clean()
    with transaction.atomic():
        account.save(force_insert=True)
        record_event(account_id=account.pk, kind=TimelineKind.ACCOUNT_ADDED, actor=actor, at=at)
    return account


def add_contact(*, account: Account, address: str | None, **details) -> Contact:
    """Add a person to an account, with a mail address where there is one.

    Raises ValidationError naming the fields that do not fit.
    """
    contact = Contact(account=account, **details)
    contact.full_clean(exclude=["address"])
    with transaction.atomic():
        if address:
            [contact.address_id] = remember_addresses(addresses=[address]).values()
        contact.save(force_insert=True)
    return contact


def add_product(*, brand: Brand, code: str, name: str, family: str) -> Product:
    """Add something to sell. Raises ValidationError naming the fields that do not fit."""
    product = Product(brand=brand, code=code, name=name, family=family)
    product.full_clean()
    product.save(force_insert=True)
    return product
