"""On which day a customer must be reminded of a renewal, by country: an independent table.

Shares no code with cxcrm, only the rules:

- the last day to cancel is the renewal date less the notice, less a day;
- everybody: 45 days before the renewal date, or earlier so that 10 days remain to the last day
  to cancel;
- consumers in France: 45 days before the last day to cancel, in any case between 3 months and
  1 month before it;
- California, first term of a year or more: as everybody, but never earlier than 45 and never
  later than 15 days before the renewal date;
- domains: 30 days before, or earlier so that 10 days remain; 7 days before; where the contract
  ends with its term, 3 days after.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

EVERYBODY = "everybody"
FRENCH_CONSUMER = "french consumer"
CALIFORNIA = "california"

# Months and further days.
NOTICES = ((0, 0), (0, 14), (0, 30), (1, 0), (3, 0))


@dataclass(frozen=True)
class Expected:
    last_day_to_cancel: date
    day: date
    is_clash: bool = False


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    month += 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def last_day_to_cancel(renewal_date: date, months: int, days: int) -> date:
    return months_before(renewal_date, months) - timedelta(days=days + 1)


def expected_reminder(
    who: str, renewal_date: date, notice_months: int, notice_days: int
) -> Expected:
    """Of a first term of a year or more, where that matters."""
    last = last_day_to_cancel(renewal_date, notice_months, notice_days)
    if who == FRENCH_CONSUMER:
        day = last - timedelta(days=45)
        day = max(day, months_before(last, 3))
        return Expected(last, min(day, months_before(last, 1)))
    wished = min(renewal_date - timedelta(days=45), last - timedelta(days=10))
    if who == CALIFORNIA:
        lawful = max(wished, renewal_date - timedelta(days=45))
        lawful = min(lawful, renewal_date - timedelta(days=15))
        return Expected(last, lawful, is_clash=(last - lawful).days < 10)
    return Expected(last, wished)


def domain_steps(renewal_date: date, notice_months: int, notice_days: int) -> list[date]:
    """Of a contract that renews; one that ends gets the last of `domain_end` instead."""
    last = last_day_to_cancel(renewal_date, notice_months, notice_days)
    return [
        min(renewal_date - timedelta(days=30), last - timedelta(days=10)),
        renewal_date - timedelta(days=7),
    ]


def domain_end(renewal_date: date) -> date:
    return renewal_date + timedelta(days=3)
