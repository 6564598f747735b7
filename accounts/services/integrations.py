"""Systems of the company pass on what customers declared to them: to cancel a contract, or to keep
it."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.enums import CancellationKind, CancellationOrigin
from accounts.models import Cancellation, CancellationReason, Contact, Contract, RenewalReminder
from accounts.selectors.cancellations import standing_cancellation
from accounts.services.cancellations import (
    ReasonUnknown,
    cancel_contract,
    take_back_cancellation,
)
from accounts.services.contracts import day_of, lock_contract, lock_living_contract
from accounts.services.decisions import MayNotDecide, NothingToDecide
from accounts.services.keeping import kept_since, note_kept
from accounts.services.tasks import finish_renewal_tasks
from accounts.sql.deciders import contact_decides
from cxcrm.base.errors import DomainError
from cxcrm.users.models import User


class ContactUnknown(DomainError):
    code = "contact_unknown"


def cancel_for_customer(
    *,
    contract_id: int,
    contact_id: int | None = None,
    kind: CancellationKind,
    received_at: datetime,
    reason_code: str | None = None,
    comment: str = "",
    wished_on: date | None = None,
    effective_on: date | None = None,
    at: datetime,
    actor: User,
) -> Cancellation:
    """Enter a cancellation that a system of the company received; `contact_id`: who declared it.

    Raises ContactUnknown and MayNotDecide (field `contact`), ReasonUnknown (`reason`), else as
    `cancel_contract`.
    """
    with transaction.atomic():
        contract = lock_contract(contract_id)
        _check_contact(contract, contact_id)
        return cancel_contract(
            contract_id=contract_id,
            kind=kind,
            origin=_origin(contact_id),
            contact_id=contact_id,
            received_at=received_at,
            reason_id=None if reason_code is None else _reason_id(reason_code),
            comment=comment,
            wished_on=wished_on,
            effective_on=effective_on,
            at=at,
            actor=actor,
        )


def withdraw_cancellation(*, contract_id: int, at: datetime, actor: User) -> Cancellation:
    """Take back the cancellation of a contract that stands. Raises NotCancelled, else as
    `take_back_cancellation`."""
    with transaction.atomic():
        standing = standing_cancellation(lock_contract(contract_id))
        return take_back_cancellation(cancellation_id=standing.pk, at=at, actor=actor)


def keep_for_customer(
    *, contract_id: int, contact_id: int | None = None, at: datetime, actor: User
) -> None:
    """Note that the customer stays beyond the next renewal date, once per renewal, whether or not
    it was reminded of it. Tasks to tell the customer of that renewal are done with it.

    Unlike the link in a mail, which a robot may open, a key is trusted with that.

    Raises ContractIsOver, NothingToDecide where the contract is cancelled or does not renew, and
    ContactUnknown and MayNotDecide (field `contact`).
    """
    with transaction.atomic():
        contract = lock_living_contract(contract_id)
        _check_contact(contract, contact_id)
        renewal_date = _renewal_to_keep(contract, at)
        if kept_since(contract_id=contract_id, renewal_date=renewal_date) is None:
            note_kept(
                contract=contract,
                renewal_date=renewal_date,
                reminders=RenewalReminder.objects.filter(
                    contract_id=contract_id, renewal_date=renewal_date
                ),
                contact_id=contact_id,
                at=at,
                actor=actor,
            )
        # The link in a mail leaves them open.
        finish_renewal_tasks(
            contract_id=contract_id,
            renewal_date=renewal_date,
            result=str(_("The customer keeps the contract.")),
            at=at,
            actor=actor,
        )


def _renewal_to_keep(contract: Contract, at: datetime) -> date:
    if contract.ends_on is not None or contract.awaits_decision:
        raise NothingToDecide(_("This contract is cancelled."))
    renewal_date = contract.renewal_date
    if renewal_date is None:
        raise NothingToDecide(_("This contract has no term that ends, so it runs on anyway."))
    if renewal_date <= day_of(contract.account, at):
        raise NothingToDecide(_("The renewal date has come already."))
    return renewal_date


def _check_contact(contract: Contract, contact_id: int | None) -> None:
    if contact_id is None:
        return
    if not Contact.objects.filter(pk=contact_id, account_id=contract.account_id).exists():
        raise ContactUnknown(_("This customer has no such contact."), field="contact")
    if not contact_decides(contact_id=contact_id, account_id=contract.account_id):
        raise MayNotDecide(_("This contact may not decide about contracts."), field="contact")


def _origin(contact_id: int | None) -> CancellationOrigin:
    return CancellationOrigin.INTEGRATION if contact_id is None else CancellationOrigin.CUSTOMER


def _reason_id(code: str) -> int:
    reason = CancellationReason.objects.filter(code=code).only("pk").first()
    if reason is None:
        raise ReasonUnknown(_("There is no such reason."), field="reason")
    return reason.pk
