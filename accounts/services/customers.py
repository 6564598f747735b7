from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.enums import TimelineKind
from accounts.models import Account, Brand, Contact, TimelineEvent
from accounts.services.timeline import record_event
from accounts.sql.contract_dates import lock_contracts_of, repair_locked_contracts
from cxcrm.base.constraints import once
from cxcrm.base.errors import Taken
from cxcrm.outbox.services import remember_addresses


class ExternalIdTaken(Taken):
    code = "external_id_taken"


@dataclass(frozen=True)
class NewContact:
    """A person to be added; `details` are fields of `Contact`."""

    address: str | None
    details: dict[str, Any]


@dataclass(frozen=True)
class NewAccount:
    """A customer to be added with its contacts; `details` are fields of `Account`."""

    brand: Brand
    details: dict[str, Any]
    contacts: Sequence[NewContact]


def add_account(*, brand: Brand, at: datetime, actor=None, **details) -> Account:
    """Add a customer with the fields of `Account`; notes it on the timeline.

    Raises ValidationError naming the fields that do not fit, and ExternalIdTaken.
    """
    account = Account(brand=brand, created_at=at, **details)
    account.full_clean(validate_constraints=False)
    with transaction.atomic():
        with once("account_external_id_once_per_brand", _account_number_taken()):
            account.save(force_insert=True)
        record_event(account_id=account.pk, kind=TimelineKind.ACCOUNT_ADDED, actor=actor, at=at)
    return account


def add_accounts(*, accounts: Sequence[NewAccount], at: datetime, actor=None) -> list[Account]:
    """Add many customers with their contacts, as `add_account` and `add_contact` add one.

    Raises MailAddressRefused, and IntegrityError or DataError where only the database refuses the
    details; then none is added.
    """
    drafts = [Account(brand=new.brand, created_at=at, **new.details) for new in accounts]
    with transaction.atomic():
        Account.objects.bulk_create(drafts, batch_size=1_000)
        TimelineEvent.objects.bulk_create(
            [
                TimelineEvent(
                    account=account, kind=TimelineKind.ACCOUNT_ADDED, actor=actor, occurred_at=at
                )
                for account in drafts
            ],
            batch_size=1_000,
        )
        contacts = [
            (account, contact)
            for account, new in zip(drafts, accounts, strict=True)
            for contact in new.contacts
        ]
        address_ids = remember_addresses(
            addresses={contact.address for _account, contact in contacts if contact.address}
        )
        Contact.objects.bulk_create(
            [
                Contact(
                    account=account,
                    address_id=address_ids[contact.address] if contact.address else None,
                    **contact.details,
                )
                for account, contact in contacts
            ],
            batch_size=1_000,
        )
    return drafts


def lock_account(account_id: int) -> None:
    """Lock an account until the end of the transaction; its contracts first, as everybody does."""
    lock_contracts_of(account_id=account_id)
    Account.objects.select_for_update(no_key=True).get(pk=account_id)


def keep_account(*, account: Account, at: datetime) -> None:
    """Write an account as it has been filled in. Where what reminder policies go by has changed,
    the reminders of its contracts follow: one whose day has passed goes late.

    Raises ValidationError naming the fields that do not fit, and ExternalIdTaken.
    """
    account.full_clean(exclude=["brand", "account_manager"], validate_constraints=False)
    with transaction.atomic():
        known = Account.objects.filter(pk=account.pk)
        has_moved = known.exclude(
            country=account.country,
            region=account.region,
            customer_kind=account.customer_kind,
            time_zone=account.time_zone,
        ).exists()
        if has_moved:
            # Before the account, as everybody does.
            contract_ids = lock_contracts_of(account_id=account.pk)
        with once("account_external_id_once_per_brand", _account_number_taken()):
            account.save()
        if has_moved:
            repair_locked_contracts(contract_ids=contract_ids, at=at)


def lock_contact(contact_id: int, *, address: str | None = None) -> None:
    """Lock a person until the end of the transaction; the mail address that is to be written first,
    as imports do. Raises MailAddressRefused (field `address`)."""
    if address:
        remember_addresses(addresses=[address])
    Contact.objects.select_for_update(no_key=True).get(pk=contact_id)


def add_contact(*, account: Account, address: str | None, **details) -> Contact:
    """Add a person with the fields of `Contact` to an account; see `keep_contact`."""
    contact = Contact(account=account, **details)
    keep_contact(contact=contact, address=address)
    return contact


def keep_contact(*, contact: Contact, address: str | None) -> None:
    """Write a person as it has been filled in, with this mail address or without any.

    Raises ValidationError naming the fields that do not fit, MailAddressRefused (field `address`)
    and ExternalIdTaken.
    """
    contact.full_clean(exclude=["address"], validate_constraints=False)
    with transaction.atomic():
        contact.address_id = remember_addresses(addresses=[address])[address] if address else None
        with once("contact_external_id_once_per_account", _contact_number_taken()):
            contact.save()


def _account_number_taken() -> ExternalIdTaken:
    return ExternalIdTaken(
        _("This brand already has an account of this number."), field="external_id"
    )


def _contact_number_taken() -> ExternalIdTaken:
    return ExternalIdTaken(
        _("This account already has a contact of this number."), field="external_id"
    )
