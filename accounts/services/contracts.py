from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.enums import AfterTerm, ContractState, TimelineKind
from accounts.models import Account, Contract, Product, TimelineEvent
from accounts.services.customers import ExternalIdTaken
from accounts.services.lost_accounts import note_lost_accounts
from accounts.sql import contract_states
from accounts.sql.contract_dates import refresh_contract_dates
from accounts.sql.price_changes import apply_due_price_changes
from cxcrm.base.constraints import once
from cxcrm.base.errors import DomainError

BATCH = 5_000
DAY = timedelta(days=1)


class ContractIsOver(DomainError):
    code = "contract_is_over"


class ProductOfOtherBrand(DomainError):
    code = "product_of_other_brand"


class TermMissing(DomainError):
    code = "term_missing"


@dataclass(frozen=True)
class NewContract:
    """A contract to be added; `terms` are fields of `Contract`."""

    account: Account
    product: Product
    terms: dict[str, Any]


def day_of(account: Account, at: datetime) -> date:
    """The calendar day at an instant where the customer lives."""
    return at.astimezone(zone_of(account)).date()


def zone_of(account: Account) -> ZoneInfo:
    return ZoneInfo(account.time_zone)


def add_contract(
    *, account: Account, product: Product, at: datetime, actor=None, **terms
) -> Contract:
    """Add one contract with its terms (the fields of `Contract`); it is ordered, or runs if its
    first day has come. Computes its dates and notes it on the timeline.

    Raises ProductOfOtherBrand and TermMissing naming the field, ExternalIdTaken (field
    `external_id`), and ValidationError naming the fields that do not fit.
    """
    contract = _draft(NewContract(account, product, terms), at)
    contract.full_clean(validate_constraints=False)
    contract.validate_constraints(exclude={"external_id"})
    with once("contract_external_id_once_per_brand", _number_taken()):
        _insert([contract], actor, at)
    contract.refresh_from_db()
    return contract


def add_contracts(*, contracts: Sequence[NewContract], at: datetime, actor=None) -> list[int]:
    """Add many contracts as `add_contract` adds one; answers their ids, in the same order.

    Raises ProductOfOtherBrand, TermMissing, and IntegrityError or DataError where only the
    database refuses the terms; then none is added.
    """
    drafts = [_draft(new, at) for new in contracts]
    _insert(drafts, actor, at)
    return [contract.pk for contract in drafts]


def lock_living_contract(contract_id: int) -> Contract:
    """A contract that has not ended, locked until the end of the transaction, with its account,
    brand and product. Raises ContractIsOver."""
    contract = lock_contract(contract_id)
    if contract.state not in ContractState.LIVING:
        raise ContractIsOver(_("This contract is over."))
    return contract


def lock_contract(contract_id: int) -> Contract:
    return (
        Contract.objects.select_for_update(of=["self"], no_key=True)
        .select_related("account", "brand", "product")
        .get(pk=contract_id)
    )


def advance_contracts(*, at: datetime) -> dict[str, int]:
    """Start, end, reprice and renew every contract whose day has come in its account's zone; one
    whose reminder is still to be decided renews only after that.

    After an outage each renewal that was missed is noted with its own date, and prices change in
    their turn. In batches of their own transactions, so that a crash loses nothing and a second
    run next to this one takes other rows. Answers how many started, ended, changed their price,
    and renewed.
    """
    counts = {
        "started": _in_batches(contract_states.start_due_contracts, at),
        "ended": _in_batches(_end_batch, at),
        "repriced": 0,
        "renewed": 0,
    }
    while True:
        counts["repriced"] += _in_batches(apply_due_price_changes, at)
        renewed = _in_batches(_renew_batch, at)
        counts["renewed"] += renewed
        if not renewed:
            return counts


def _end_batch(*, at: datetime, limit: int) -> list[tuple[int, date]]:
    ended = contract_states.end_due_contracts(at=at, limit=limit)
    if ended:
        ids = [contract_id for contract_id, _ in ended]
        accounts = Contract.objects.filter(pk__in=ids).values_list("account_id", flat=True)
        note_lost_accounts(account_ids=set(accounts), at=at)
        _refresh_as_of([(contract_id, last_day + DAY) for contract_id, last_day in ended], at)
    return ended


def _renew_batch(*, at: datetime, limit: int) -> list[tuple[int, date]]:
    renewed = contract_states.renew_due_contracts(at=at, limit=limit)
    _refresh_as_of(renewed, at)
    return renewed


def _refresh_as_of(moved: list[tuple[int, date]], at: datetime) -> None:
    """As of the day of each, not of today: what comes next may have been missed, too."""
    of_day: dict[date, list[int]] = defaultdict(list)
    for contract_id, day in moved:
        of_day[day].append(contract_id)
    for day, contract_ids in of_day.items():
        refresh_contract_dates(contract_ids=contract_ids, on=day, at=at)


def _in_batches(step: Callable[..., Sequence], at: datetime) -> int:
    moved = 0
    while True:
        with transaction.atomic():
            batch = len(step(at=at, limit=BATCH))
        moved += batch
        if batch < BATCH:
            return moved


def _number_taken() -> ExternalIdTaken:
    return ExternalIdTaken(
        _("This brand already has a contract of this number."), field="external_id"
    )


def _draft(new: NewContract, at: datetime) -> Contract:
    if new.product.brand_id != new.account.brand_id:
        raise ProductOfOtherBrand(
            _("The product belongs to another brand than the account."), field="product"
        )
    if new.terms["after_term"] == AfterTerm.RENEWS:
        # The database takes an empty term for one that may fit.
        for field in ("first_term_months", "renewal_term_months"):
            if new.terms.get(field) is None:
                raise TermMissing(
                    _("A contract that renews needs its first and its further terms."), field=field
                )
    started = new.terms["starts_on"] <= day_of(new.account, at)
    return Contract(
        brand_id=new.account.brand_id,
        account=new.account,
        product=new.product,
        state=ContractState.RUNNING if started else ContractState.ORDERED,
        **{"concluded_on": new.terms["starts_on"]} | new.terms,
    )


def _insert(contracts: list[Contract], actor, at: datetime) -> None:
    with transaction.atomic():
        Contract.objects.bulk_create(contracts, batch_size=1_000)
        refresh_contract_dates(contract_ids=[contract.pk for contract in contracts], at=at)
        TimelineEvent.objects.bulk_create(
            [
                TimelineEvent(
                    account_id=contract.account_id,
                    contract=contract,
                    kind=TimelineKind.CONTRACT_ADDED,
                    occurred_at=at,
                    actor=actor,
                )
                for contract in contracts
            ],
            batch_size=1_000,
        )
        note_lost_accounts(account_ids={contract.account_id for contract in contracts}, at=at)
