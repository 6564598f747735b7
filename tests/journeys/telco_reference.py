"""Which renewal reminders the telco feed must lead to, reckoned from the raw file.

Shares no code with cxcrm, only the rules: a contract begins `tenure` months and 0 to 27 days (by
the checksum of its number) before the import; those of one and two years renew by as much, with
a month's notice; the reminder goes 45 days before the renewal date; an import never mails, so
what was due before it is held.
"""

import csv
import gzip
from calendar import monthrange
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zlib import crc32

REMIND_DAYS = timedelta(days=45)
YEARS = {"One year": 1, "Two year": 2}


@dataclass(frozen=True)
class ExpectedMail:
    address: str
    renewal_date: date
    sent_on: date


@dataclass(frozen=True)
class Reference:
    kinds: Counter[str]  # running contracts: "rolling", "fixed"
    mails: set[ExpectedMail]
    held: set[ExpectedMail]


def reckon(feed: Path, *, imported_on: date, until: date) -> Reference:
    """What must have happened when `until` is over."""
    kinds: Counter[str] = Counter()
    mails: set[ExpectedMail] = set()
    held: set[ExpectedMail] = set()
    with gzip.open(feed, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            if row["Churn"] == "Yes":
                continue
            years = YEARS.get(row["Contract"])
            kinds["fixed" if years else "rolling"] += 1
            if not years:
                continue
            address = f"{row['customerID'].lower()}@customers.example"
            for renewal_date in renewal_dates(first_day(row, imported_on), years, imported_on):
                mail = ExpectedMail(address, renewal_date, renewal_date - REMIND_DAYS)
                if mail.sent_on > until:
                    break
                (held if mail.sent_on < imported_on else mails).add(mail)
    return Reference(kinds, mails, held)


def first_day(row: dict[str, str], imported_on: date) -> date:
    days = crc32(row["customerID"].encode()) % 28
    return add_months(imported_on, -int(row["tenure"])) - timedelta(days=days)


def renewal_dates(first: date, years: int, after: date) -> Iterator[date]:
    """The days after a day on which a further term begins, without end."""
    months = 0
    while True:
        months += 12 * years
        renewal_date = add_months(first, months)
        if renewal_date > after:
            yield renewal_date


def last_day_to_cancel(renewal_date: date) -> date:
    """With a month's notice."""
    return add_months(renewal_date, -1) - timedelta(days=1)


def add_months(day: date, months: int) -> date:
    """The same day of another month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def in_words(day: date) -> str:
    """As the mails write a day: April 14, 2028."""
    return f"{day:%B} {day.day}, {day.year}"
