"""What a contract costs from which day on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django.db.models import CharField, F, OuterRef, QuerySet, Subquery, Value, Window
from django.db.models.functions import Cast, Coalesce, JSONObject, Lag, NullIf

from accounts.enums import CustomerKind, PriceChangeReason
from accounts.models import Account, Contract, PriceChange
from accounts.rules.prices import gross

LISTED = 50


@dataclass(frozen=True, slots=True)
class PriceAhead:
    """A net price that is known to come in force."""

    price: Decimal
    from_day: date
    reason: PriceChangeReason


def pays_with_tax(account: Account) -> bool:
    """Consumers are told prices with tax, businesses without."""
    return account.customer_kind == CustomerKind.CONSUMER


def price_to_pay(contract: Contract, price: Decimal) -> Decimal:
    """A net price of a contract as its customer is told it. The account is loaded."""
    return gross(price, contract.tax_rate) if pays_with_tax(contract.account) else price


def prices_ahead(
    contract: Contract, changes: Iterable[PriceChange] | None = None
) -> list[PriceAhead]:
    """Every price that is known to follow the present one, the next first. `changes`: those of
    the contract, where they are loaded already."""
    if changes is None:
        changes = contract.price_changes.filter(applied_at=None).order_by("effective_on")[:LISTED]
    return _in_turn(
        contract,
        [
            PriceAhead(change.price, change.effective_on, PriceChangeReason(change.reason))
            for change in changes
            if change.applied_at is None
        ],
    )


def with_next_price_change(contracts: QuerySet[Contract]) -> QuerySet[Contract]:
    """Contracts with what `next_price` needs to know, without a query for each."""
    to_come = PriceChange.objects.filter(contract=OuterRef("pk"), applied_at=None).order_by(
        "effective_on"
    )
    change = JSONObject(
        price=Cast("price", CharField()), from_day=F("effective_on"), reason=F("reason")
    )
    return contracts.annotate(next_price_change=Subquery(to_come.values(change=change)[:1]))


def next_price(contract: Contract) -> list[PriceAhead]:
    """The price after the present one, or none: from the renewal date or the next change, whichever
    comes first. The contract comes from `with_next_price_change`."""
    change: dict[str, Any] | None = cast(Any, contract).next_price_change
    to_come = (
        [
            PriceAhead(
                Decimal(change["price"]),
                date.fromisoformat(change["from_day"]),
                PriceChangeReason(change["reason"]),
            )
        ]
        if change
        else []
    )
    return _in_turn(contract, to_come)[:1]


def price_changes_of(contract: Contract) -> list[PriceChange]:
    """What was and what is to come, the latest first, each with the `currency` of its price."""
    kept = NullIf("currency_before", Value(""))
    next_kept = Window(Lag(kept), order_by=F("effective_on").desc())
    return list(
        contract.price_changes.select_related("created_by")
        .annotate(currency=Coalesce(next_kept, Value(contract.currency)))
        .order_by("-effective_on")[:LISTED]
    )


def _in_turn(contract: Contract, to_come: list[PriceAhead]) -> list[PriceAhead]:
    """Without what lies behind the contract's end. One price a day: on that of the renewal an
    announced one, else the renewal's, else that after a promotion."""
    steps = {step.from_day: step for step in to_come}
    if contract.renewal_date is not None and contract.renewal_price is not None:
        known = steps.get(contract.renewal_date)
        if known is None or known.reason != PriceChangeReason.ANNOUNCED:
            steps[contract.renewal_date] = PriceAhead(
                contract.renewal_price, contract.renewal_date, PriceChangeReason.RENEWAL
            )
    in_turn = [steps[day] for day in sorted(steps)]
    return [
        step for step in in_turn if contract.ends_on is None or step.from_day <= contract.ends_on
    ]
