from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.enums import PriceChangeReason, TimelineKind
from accounts.models import Contract, PriceChange
from accounts.rules.prices import CENT, HIGHEST_PRICE
from accounts.selectors.prices import prices_ahead
from accounts.services.contracts import day_of, lock_living_contract
from accounts.services.timeline import record_event
from cxcrm.base.errors import DomainError


class PriceChangeRefused(DomainError):
    code = "price_change_refused"


def announce_price_change(
    *,
    contract_id: int,
    price: Decimal,
    effective_on: date,
    announced_on: date,
    at: datetime,
    actor=None,
) -> PriceChange:
    """Have the net price of a contract change on a day to come, of which the customer was told on
    `announced_on`; the daily work puts it in force.

    Raises ContractIsOver, and PriceChangeRefused naming the field: a price below 0, with more than
    2 decimals, or the one that is in force then anyway; a day that has come, is not after the
    announcement, lies behind the contract's end, or has a change already; an announcement that is
    still to come.
    """
    with transaction.atomic():
        contract = lock_living_contract(contract_id)
        today = day_of(contract.account, at)
        _check_price(price)
        _check_days(contract, effective_on, announced_on, today)
        if price == _price_on(contract, effective_on):
            raise PriceChangeRefused(
                _("This is the price of the contract then anyway."), field="price"
            )
        change = PriceChange(
            contract=contract,
            effective_on=effective_on,
            price=price,
            reason=PriceChangeReason.ANNOUNCED,
            announced_on=announced_on,
            created_at=at,
            created_by=actor,
        )
        try:
            with transaction.atomic():
                change.save(force_insert=True)
        except IntegrityError:
            raise PriceChangeRefused(
                _("The price changes on this day already. Call that change off first."),
                field="effective_on",
            ) from None
        _note(change, TimelineKind.PRICE_CHANGE_ANNOUNCED, actor, at)
    return change


def call_off_price_change(*, price_change_id: int, at: datetime, actor=None) -> None:
    """Take an announced price change back before its day; the contract keeps its price.

    Raises PriceChangeRefused for one that is not there any more, is in force, or came with the
    contract: the end of a promotion is agreed, not announced.
    """
    with transaction.atomic():
        change = (
            PriceChange.objects.select_for_update(of=["self"])
            .select_related("contract")
            .filter(pk=price_change_id)
            .first()
        )
        if change is None:
            raise PriceChangeRefused(_("This price change has been called off already."))
        if change.applied_at is not None:
            raise PriceChangeRefused(_("This price is in force already."))
        if change.reason != PriceChangeReason.ANNOUNCED:
            raise PriceChangeRefused(_("Only announced price changes can be called off."))
        _note(change, TimelineKind.PRICE_CHANGE_CALLED_OFF, actor, at)
        change.delete()


def _check_price(price: Decimal) -> None:
    if not price.is_finite() or not 0 <= price <= HIGHEST_PRICE:
        raise PriceChangeRefused(_("A price is 0 or more."), field="price")
    if price != price.quantize(CENT):
        raise PriceChangeRefused(_("A price has at most 2 decimals."), field="price")


def _check_days(contract: Contract, effective_on: date, announced_on: date, today: date) -> None:
    if announced_on > today:
        raise PriceChangeRefused(
            _("Enter the change once the customer has been told."), field="announced_on"
        )
    if effective_on <= today:
        raise PriceChangeRefused(_("This day has come already."), field="effective_on")
    if effective_on <= announced_on:
        raise PriceChangeRefused(
            _("The price changes after the announcement at the earliest."), field="effective_on"
        )
    if contract.ends_on is not None and effective_on > contract.ends_on:
        raise PriceChangeRefused(_("The contract has ended by then."), field="effective_on")


def _price_on(contract: Contract, day: date) -> Decimal:
    """The price that is in force on a day to come if nothing is added."""
    before = [step.price for step in prices_ahead(contract) if step.from_day <= day]
    return before[-1] if before else contract.price


def _note(change: PriceChange, kind: TimelineKind, actor, at: datetime) -> None:
    record_event(
        account_id=change.contract.account_id,
        contract_id=change.contract_id,
        kind=kind,
        actor=actor,
        at=at,
        effective_on=str(change.effective_on),
        price=str(change.price),
        currency=change.contract.currency,
    )
