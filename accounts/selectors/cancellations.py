"""Cancellations: which stands, and what is to be shown of them."""

from datetime import date

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.enums import CancellationOrigin
from accounts.models import Cancellation, CancellationReason, Contract
from accounts.rules.ends import may_take_back
from cxcrm.base.errors import DomainError

LISTED = 50


class NotCancelled(DomainError):
    code = "not_cancelled"


def standing_cancellation(contract: Contract) -> Cancellation:
    """The cancellation of a contract that has not been taken back; raises NotCancelled."""
    standing = contract.cancellations.standing().first()
    if standing is not None:
        return standing
    if contract.ends_on is not None:
        raise NotCancelled(_("This end came with a feed; it changes there."))
    raise NotCancelled(_("This contract is not cancelled."))


def cancellations_of(contract: Contract) -> list[Cancellation]:
    """All that were received, the newest first."""
    rows = contract.cancellations.select_related("reason", "entered_by", "taken_back_by")
    return list(rows.order_by("-received_at", "-id")[:LISTED])


def reasons() -> QuerySet[CancellationReason]:
    """The catalogue in its order."""
    return CancellationReason.objects.order_by("position", "id")


def reasons_on_offer() -> QuerySet[CancellationReason]:
    """What agents and customers choose from."""
    return reasons().filter(is_offered=True)


def contract_to_cancel(contract_id: str) -> Contract | None:
    """The contract that a dialog is about, with its account."""
    if not contract_id.isdecimal():
        return None
    return Contract.objects.select_related("account").filter(pk=contract_id).first()


def may_be_taken_back(
    cancellation: Cancellation, contract: Contract, *, entered_on: date, on: date
) -> bool:
    """Until the last day, inclusive, and on the day of entering; what a feed brought changes
    there."""
    return (
        cancellation.stands
        and cancellation.origin != CancellationOrigin.FEED
        and may_take_back(
            state=contract.state,
            effective_on=cancellation.effective_on,
            entered_on=entered_on,
            today=on,
        )
    )
