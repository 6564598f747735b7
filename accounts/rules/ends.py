"""Terms of a contract and the earliest day that it can end on: arithmetic on dates alone."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from accounts.enums import AfterTerm, CancellationKind, ContractState, CustomerKind

DAYS_TO_WITHDRAW = 14
MONTHS_TO_SWITCH = 2
# Whoever names a later day has mistyped it.
MONTHS_AHEAD = 120
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed; the fields are those of `Contract`."""

    starts_on: date
    concluded_on: date
    first_term_months: int | None
    after_term: str
    renewal_term_months: int | None
    notice_months: int
    notice_days: int
    is_consumer: bool


def terms_of(contract: Any) -> Terms:
    """The terms of a contract whose account is loaded."""
    return Terms(
        starts_on=contract.starts_on,
        concluded_on=contract.concluded_on,
        first_term_months=contract.first_term_months,
        after_term=contract.after_term,
        renewal_term_months=contract.renewal_term_months,
        notice_months=contract.notice_months,
        notice_days=contract.notice_days,
        is_consumer=contract.account.customer_kind == CustomerKind.CONSUMER,
    )


def add_months(day: date, months: int) -> date:
    """The same day of another month, or its last day where the month is too short."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def renewal_date_after(terms: Terms, day: date) -> date | None:
    """First day of the next term strictly after `day`; None once there are no terms any more.

    `accounts.sql.contract_dates` says the same for sets of contracts.
    """
    first, further = terms.first_term_months, terms.renewal_term_months
    if first is None:
        return None
    done = _months_done(terms.starts_on, day)
    if done < first:
        return add_months(terms.starts_on, first)
    if terms.after_term == AfterTerm.OPEN_ENDED or further is None:
        return None
    return add_months(terms.starts_on, first + further * ((done - first) // further + 1))


def notice_deadline(terms: Terms, renewal_date: date) -> date:
    """The last day of notice, inclusive, that keeps a contract from running past its term."""
    return (
        add_months(renewal_date, -terms.notice_months) - timedelta(days=terms.notice_days) - ONE_DAY
    )


def earliest_end(
    terms: Terms, *, kind: CancellationKind, received_on: date, wished_on: date | None = None
) -> date | None:
    """The last day of a contract that is cancelled on a day; None where an agent decides it.

    A withdrawal takes effect on the day that it is received (`may_withdraw` says whether it is
    one). Ordinary notice ends the first term whose deadline has not passed, or an open-ended
    contract once the notice period is over. With a later wished date: the next possible end on or
    after it. Received before the start, the first term counts.
    """
    if kind == CancellationKind.WITHDRAWAL:
        return received_on
    if kind != CancellationKind.ORDINARY:
        return None
    after_notice = add_months(received_on, terms.notice_months) + timedelta(days=terms.notice_days)
    first = terms.first_term_months
    if first is None:
        return max(terms.starts_on, after_notice, wished_on or after_notice)
    if terms.after_term == AfterTerm.RENEWS and terms.renewal_term_months:
        return _end_of_a_term(terms, received_on, after_notice, wished_on or received_on)
    renewal_date = add_months(terms.starts_on, first)
    end = renewal_date - ONE_DAY
    if received_on > notice_deadline(terms, renewal_date):
        end = max(end, after_notice)
    return max(end, wished_on or end)


def may_withdraw(terms: Terms, received_on: date) -> bool:
    """Consumers may, from the conclusion of the contract to the 14th day after it."""
    last_day = terms.concluded_on + timedelta(days=DAYS_TO_WITHDRAW)
    return terms.is_consumer and terms.concluded_on <= received_on <= last_day


def bounds_of_decision(
    *, kind: CancellationKind, received_on: date, wished_on: date | None, starts_on: date
) -> tuple[date, date]:
    """First and last day that an agent may decide for a cancellation.

    A switch of provider takes two months at most, unless the customer wishes a later day or the
    contract starts later only; no contract ends before its start.
    """
    first = max(received_on, starts_on)
    if kind != CancellationKind.SWITCH:
        return first, max(first, latest_wish(received_on))
    last = add_months(received_on, MONTHS_TO_SWITCH)
    return first, max(first, last, wished_on or last)


def may_take_back(*, state: str, effective_on: date | None, entered_on: date, today: date) -> bool:
    """Until the last day, and what was entered after it on the day of entering; never once the
    contract has ended."""
    if state == ContractState.ENDED:
        return False
    return effective_on is None or today <= max(effective_on, entered_on)


def latest_wish(received_on: date) -> date:
    """How far ahead a customer may wish the last day."""
    return add_months(received_on, MONTHS_AHEAD)


def end_if_cancelled(contract: Any, *, on: date) -> date | None:
    """The last day of a contract if ordinary notice is received on a day; None where it is over
    or cancelled already or a feed ends it. The contract's account is loaded."""
    is_cancelled = contract.ends_on is not None or contract.awaits_decision
    if is_cancelled or contract.state not in ContractState.LIVING:
        return None
    return earliest_end(terms_of(contract), kind=CancellationKind.ORDINARY, received_on=on)


def _end_of_a_term(terms: Terms, received_on: date, after_notice: date, wished_on: date) -> date:
    """The end of the first term that reaches the wished day and whose deadline has not passed."""
    first, further = terms.first_term_months or 0, terms.renewal_term_months or 1
    # A term that is over by then ends too soon on either count; what is left to try is a handful.
    done = _months_done(terms.starts_on, max(after_notice, wished_on))
    months = first + further * max(0, (done - first) // further)
    while True:
        renewal_date = add_months(terms.starts_on, months)
        end = renewal_date - ONE_DAY
        if received_on <= notice_deadline(terms, renewal_date) and wished_on <= end:
            return end
        months += further


def _months_done(starts_on: date, day: date) -> int:
    """Whole months from the start to a day; negative before the start."""
    months = (day.year - starts_on.year) * 12 + day.month - starts_on.month
    return months - (add_months(starts_on, months) > day)
