"""Customers cancel contracts: received, decided where the terms do not, taken back in time."""

from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.enums import (
    CancellationKind,
    CancellationOrigin,
    ContractState,
    TaskOrigin,
    TaskPool,
    TaskState,
    TimelineKind,
)
from accounts.models import Cancellation, CancellationReason, Contract, Task
from accounts.rules.ends import (
    bounds_of_decision,
    earliest_end,
    latest_wish,
    may_take_back,
    may_withdraw,
    terms_of,
)
from accounts.services.contracts import ContractIsOver, day_of, lock_contract, lock_living_contract
from accounts.services.lost_accounts import note_lost_accounts
from accounts.services.receipts import DECIDED, PARTS, RECEIVED, letter_key, save_with_receipt
from accounts.services.renewals import make_up_for_stopped_reminder
from accounts.services.tasks import finish_tasks_many, open_tasks
from accounts.services.timeline import record_event
from accounts.sql.contract_dates import refresh_contract_dates
from cxcrm.base.errors import DomainError

DAYS_TO_DECIDE = 2
# Declarations come in by post and wait on desks, but whoever names an older day has mistyped it.
OLDEST_RECEIPT = timedelta(days=366)
DECIDED_BY_AGENTS = (CancellationKind.EXTRAORDINARY, CancellationKind.SWITCH)


class CancellationStands(DomainError):
    code = "cancellation_stands"


class WithdrawalNotPossible(DomainError):
    code = "withdrawal_not_possible"


class DayNotPossible(DomainError):
    code = "day_not_possible"


class LastDayIsOver(DomainError):
    code = "last_day_is_over"


class ReasonUnknown(DomainError):
    code = "reason_unknown"


class CancellationIsDecided(DomainError):
    code = "cancellation_is_decided"


class CancellationIsTakenBack(DomainError):
    code = "cancellation_is_taken_back"


class TooLateToTakeBack(DomainError):
    code = "too_late_to_take_back"


class EndCameWithFeed(DomainError):
    code = "end_came_with_feed"


def cancel_contract(
    *,
    contract_id: int,
    kind: CancellationKind,
    received_at: datetime,
    reason_id: int | None = None,
    comment: str = "",
    wished_on: date | None = None,
    effective_on: date | None = None,
    past_is_meant: bool = True,
    origin: CancellationOrigin = CancellationOrigin.AGENT,
    contact_id: int | None = None,
    at: datetime,
    actor=None,
) -> Cancellation:
    """Enter a customer's cancellation; answers it with its last day.

    The terms decide the last day of ordinary notice (`wished_on`: not before that day) and of a
    withdrawal. Of extraordinary notice and a switch of provider an agent does: with
    `effective_on` at once, else a task asks for it. The receipt is stored and mailed, or a task
    asks for a letter. A withdrawal replaces ordinary notice that stands, which is taken back.
    `contact_id`: who declared it, where that is known.

    Raises ContractIsOver, CancellationStands, WithdrawalNotPossible (field `kind`),
    ReasonUnknown (`reason`), DayNotPossible naming the field and, for whoever asks back first
    (`past_is_meant` false), LastDayIsOver (`past_is_meant`) where the last day is over already.
    """
    with transaction.atomic():
        contract = lock_living_contract(contract_id)
        today = day_of(contract.account, at)
        standing = contract.cancellations.standing().select_related("reason").first()
        if standing is not None and not _is_replaced(standing, kind):
            raise CancellationStands(_("This contract is cancelled already."))
        received_on = _day_received(contract, received_at, at)
        _check_kind(contract, kind, received_on)
        if standing is not None:
            standing.contract = contract
            _take_back(standing, at, actor)
        _check_wish(contract, kind, wished_on, received_on, at)
        cancellation = Cancellation(
            contract=contract,
            kind=kind,
            origin=origin,
            received_at=received_at,
            wished_on=wished_on,
            ends_on_before=contract.ends_on,
            reason=_reason(reason_id),
            comment=comment,
            entered_by=actor,
            entered_at=at,
        )
        if effective_on is None:
            effective_on = earliest_end(
                terms_of(contract), kind=kind, received_on=received_on, wished_on=wished_on
            )
        else:
            _check_decision(contract, cancellation, effective_on)
        _check_end_of_feed(contract, effective_on)
        if not past_is_meant:
            _check_not_over(effective_on, today)
        cancellation.effective_on = effective_on
        save_with_receipt(cancellation, part=RECEIVED, due_on=today, at=at)
        _end(contract, cancellation, at)
        if effective_on is None:
            open_tasks([_task_to_decide(cancellation, today, at)])
        _note(
            TimelineKind.CONTRACT_CANCELLED,
            cancellation,
            at,
            actor,
            cancellation_kind=kind,
            reason=cancellation.reason.code if cancellation.reason else None,
            contact_id=contact_id,
        )
    return cancellation


def decide_cancellation(
    *, cancellation_id: int, effective_on: date, at: datetime, actor=None
) -> Cancellation:
    """Set the last day of a contract whose cancellation waits for it; the customer is told.

    Raises CancellationIsTakenBack, CancellationIsDecided, ContractIsOver, and DayNotPossible
    (field `effective_on`).
    """
    with transaction.atomic():
        cancellation = _lock_standing(cancellation_id)
        contract = cancellation.contract
        if cancellation.effective_on is not None:
            raise CancellationIsDecided(_("The last day of this contract is decided already."))
        if contract.state not in ContractState.LIVING:
            raise ContractIsOver(_("This contract is over."))
        _check_decision(contract, cancellation, effective_on)
        _check_end_of_feed(contract, effective_on)
        cancellation.effective_on = effective_on
        today = day_of(contract.account, at)
        save_with_receipt(cancellation, part=DECIDED, due_on=today, at=at)
        _end(contract, cancellation, at)
        _note(TimelineKind.CANCELLATION_DECIDED, cancellation, at, actor)
        _close_tasks(_keys_to_decide(cancellation), _("The last day is decided."), actor, at)
    return cancellation


def take_back_cancellation(*, cancellation_id: int, at: datetime, actor=None) -> Cancellation:
    """Let a contract run on as if it had not been cancelled; until its last day, inclusive, or on
    the day of entering. A renewal reminder that the cancellation had stopped is made up for.

    Raises CancellationIsTakenBack, EndCameWithFeed, TooLateToTakeBack.
    """
    with transaction.atomic():
        cancellation = _lock_standing(cancellation_id)
        contract = cancellation.contract
        today = day_of(contract.account, at)
        if cancellation.origin == CancellationOrigin.FEED:
            raise EndCameWithFeed(_("This end came with a feed; it changes there."))
        if not may_take_back(
            state=contract.state,
            effective_on=cancellation.effective_on,
            entered_on=day_of(contract.account, cancellation.entered_at),
            today=today,
        ):
            raise TooLateToTakeBack(_("The last day is over: this stays as it is."))
        _take_back(cancellation, at, actor)
        refresh_contract_dates(contract_ids=[contract.pk], at=at)
        make_up_for_stopped_reminder(contract_id=contract.pk, at=at)
    return cancellation


def _lock_standing(cancellation_id: int) -> Cancellation:
    """With its contract, which is locked first, as everywhere."""
    cancellation = Cancellation.objects.get(pk=cancellation_id)
    contract = lock_contract(cancellation.contract_id)
    cancellation = Cancellation.objects.select_related("reason").get(pk=cancellation_id)
    if not cancellation.stands:
        raise CancellationIsTakenBack(_("This cancellation was taken back."))
    cancellation.contract = contract
    return cancellation


def _is_replaced(standing: Cancellation, kind: CancellationKind) -> bool:
    """Who gave notice may still withdraw, which ends the contract sooner and for nothing."""
    return kind == CancellationKind.WITHDRAWAL and standing.kind == CancellationKind.ORDINARY


def _day_received(contract: Contract, received_at: datetime, at: datetime) -> date:
    if received_at > at:
        raise DayNotPossible(_("This lies in the future."), field="received_at")
    if received_at < at - OLDEST_RECEIPT:
        raise DayNotPossible(_("This was more than a year ago."), field="received_at")
    return day_of(contract.account, received_at)


def _check_kind(contract: Contract, kind: CancellationKind, received_on: date) -> None:
    if kind != CancellationKind.WITHDRAWAL:
        return
    terms = terms_of(contract)
    if not terms.is_consumer:
        raise WithdrawalNotPossible(_("Only consumers may withdraw."), field="kind")
    if not may_withdraw(terms, received_on):
        raise WithdrawalNotPossible(
            _("A withdrawal has to come within 14 days of the conclusion of the contract."),
            field="kind",
        )


def _check_wish(
    contract: Contract,
    kind: CancellationKind,
    wished_on: date | None,
    received_on: date,
    at: datetime,
) -> None:
    if wished_on is None:
        return
    if kind == CancellationKind.WITHDRAWAL:
        reason = _("A withdrawal takes effect on the day that it is received.")
    elif wished_on < received_on:
        reason = _("The wished day lies before the day of receipt.")
    elif wished_on < day_of(contract.account, at):
        reason = _("The wished day lies in the past.")
    elif wished_on > latest_wish(received_on):
        reason = _("The wished day lies more than ten years ahead.")
    else:
        return
    raise DayNotPossible(reason, field="wished_on")


def _check_decision(contract: Contract, cancellation: Cancellation, effective_on: date) -> None:
    """Whether an agent may decide this day."""
    kind = CancellationKind(cancellation.kind)
    if kind not in DECIDED_BY_AGENTS:
        raise DayNotPossible(
            _("The terms of the contract decide the last day here."), field="effective_on"
        )
    first, last = bounds_of_decision(
        kind=kind,
        received_on=day_of(contract.account, cancellation.received_at),
        wished_on=cancellation.wished_on,
        starts_on=contract.starts_on,
    )
    if effective_on < contract.starts_on:
        reason = _("The last day lies before the start.")
    elif effective_on < first:
        reason = _("The last day lies before the day of receipt.")
    elif effective_on > last and kind == CancellationKind.SWITCH:
        reason = _("A switch of provider takes two months at most, unless a later day is wished.")
    elif effective_on > last:
        reason = _("The last day lies more than ten years ahead.")
    else:
        return
    raise DayNotPossible(reason, field="effective_on")


def _check_end_of_feed(contract: Contract, effective_on: date | None) -> None:
    """An end that a feed brought may come sooner by a cancellation, never later."""
    if effective_on is not None and contract.ends_on and contract.ends_on < effective_on:
        raise DayNotPossible(
            _("A feed ends this contract on %(day)s already, which is sooner.")
            % {"day": date_format(contract.ends_on, "DATE_FORMAT")}
        )


def _check_not_over(effective_on: date | None, today: date) -> None:
    if effective_on is not None and effective_on < today:
        raise LastDayIsOver(
            _("The last day would be %(day)s, which is over. Tick this if it is meant.")
            % {"day": date_format(effective_on, "DATE_FORMAT")},
            field="past_is_meant",
        )


def _reason(reason_id: int | None) -> CancellationReason | None:
    if reason_id is None:
        return None
    reason = CancellationReason.objects.filter(pk=reason_id).first()
    if reason is None:
        raise ReasonUnknown(_("There is no such reason."), field="reason")
    return reason


def _end(contract: Contract, cancellation: Cancellation, at: datetime) -> None:
    contract.awaits_decision = cancellation.effective_on is None
    if cancellation.kind == CancellationKind.WITHDRAWAL:
        contract.state = ContractState.WITHDRAWN
    elif not contract.awaits_decision:
        contract.ends_on = cancellation.effective_on
    _save_end(contract, cancellation, at)
    refresh_contract_dates(contract_ids=[contract.pk], at=at)


def _take_back(cancellation: Cancellation, at: datetime, actor) -> None:
    """The caller refreshes the dates of the contract after it."""
    contract = cancellation.contract
    cancellation.taken_back_at = at
    cancellation.taken_back_by = actor
    cancellation.save(update_fields=["taken_back_at", "taken_back_by"])
    contract.awaits_decision = False
    if cancellation.kind == CancellationKind.WITHDRAWAL:
        started = contract.starts_on <= day_of(contract.account, at)
        contract.state = ContractState.RUNNING if started else ContractState.ORDERED
    elif cancellation.effective_on is not None:
        contract.ends_on = cancellation.ends_on_before
    _save_end(contract, cancellation, at)
    _note(TimelineKind.CANCELLATION_TAKEN_BACK, cancellation, at, actor)
    keys = _keys_to_decide(cancellation) | {
        (TaskOrigin.RECEIPT_BY_LETTER, letter_key(cancellation.pk, part)) for part in PARTS
    }
    _close_tasks(keys, _("The cancellation was taken back."), actor, at)


def _save_end(contract: Contract, cancellation: Cancellation, at: datetime) -> None:
    contract.save(update_fields=["state", "ends_on", "awaits_decision"])
    if cancellation.kind == CancellationKind.WITHDRAWAL:
        note_lost_accounts(account_ids=[contract.account_id], at=at)


def _note(
    kind: TimelineKind, cancellation: Cancellation, at: datetime, actor, **facts: str | int | None
) -> None:
    day = cancellation.effective_on
    known = {"effective_on": day.isoformat() if day else None} | facts
    record_event(
        account_id=cancellation.contract.account_id,
        contract_id=cancellation.contract_id,
        kind=kind,
        actor=actor,
        at=at,
        **{name: fact for name, fact in known.items() if fact is not None},
    )


def _task_to_decide(cancellation: Cancellation, today: date, at: datetime) -> Task:
    kind = CancellationKind(cancellation.kind).label
    return Task(
        account_id=cancellation.contract.account_id,
        contract_id=cancellation.contract_id,
        title=_("Decide the last day of %(contract)s: %(kind)s")
        % {"contract": cancellation.contract.external_id, "kind": kind},
        due_on=today + timedelta(days=DAYS_TO_DECIDE),
        pool=TaskPool.RETENTION,
        origin=TaskOrigin.CANCELLATION_TO_DECIDE,
        origin_key=str(cancellation.pk),
        created_at=at,
    )


def _keys_to_decide(cancellation: Cancellation) -> set[tuple[str, str]]:
    return {(TaskOrigin.CANCELLATION_TO_DECIDE, str(cancellation.pk))}


def _close_tasks(keys: set[tuple[str, str]], result: Promise, actor, at: datetime) -> None:
    """Those of the tasks with these origins and keys that nobody has closed by hand."""
    wanted = [Q(origin=origin, origin_key=key) for origin, key in keys]
    open_ones = Task.objects.filter(reduce(or_, wanted), state=TaskState.OPEN)
    ids = list(open_ones.values_list("pk", flat=True))
    finish_tasks_many(ids=ids, result=str(result), actor=actor, at=at)
