"""Prices that are agreed for a day to come, and what became of them."""

from datetime import date
from decimal import Decimal

from accounts.enums import PriceChangeReason, TimelineKind
from accounts.models import Contract, PriceChange
from accounts.services.prices import announce_price_change
from tests.factories import NOW

TODAY = NOW.date()  # 1 June 2026
RENEWAL = date(2027, 1, 15)  # of the factory's contract
JULY = date(2026, 7, 1)
AUGUST = date(2026, 8, 1)


def announce(contract: Contract, price: str, day: date, **details) -> PriceChange:
    terms = {"announced_on": TODAY, "at": NOW} | details
    return announce_price_change(
        contract_id=contract.pk, price=Decimal(price), effective_on=day, **terms
    )


def promise(contract: Contract, price: str, day: date) -> PriceChange:
    """The end of a promotion, as a feed brings it."""
    return PriceChange.objects.create(
        contract=contract,
        price=Decimal(price),
        effective_on=day,
        reason=PriceChangeReason.PROMOTION_ENDS,
        created_at=NOW,
    )


def price_of(contract: Contract) -> Decimal:
    return Contract.objects.get(pk=contract.pk).price


def kept(contract: Contract) -> list[tuple]:
    """Day, price, price before and yearly value before of what is in force."""
    changes = PriceChange.objects.filter(contract=contract, applied_at__isnull=False)
    return list(
        changes.order_by("effective_on").values_list(
            "effective_on", "price", "price_before", "yearly_value_before"
        )
    )


def noted(contract: Contract, kind: TimelineKind) -> list[dict]:
    return [event.facts for event in contract.timeline.filter(kind=kind).order_by("id")]
