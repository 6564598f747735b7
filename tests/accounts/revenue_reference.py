"""What recurring revenue must come to, reckoned contract by contract and day by day.

Shares no code with cxcrm, only the rule: a contract counts from its first to its last day, unless
it is a trial or was withdrawn, with price x 12 / months of the billing period at the price of the
day, to 4 decimals; an account is worth the sum, each currency at its latest rate by then.
"""

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

FOUR = Decimal("0.0001")


@dataclass
class Deal:
    """One contract: its first price, and those that followed, by day."""

    brand: str
    account: str
    currency: str
    months: int
    price: Decimal
    first_day: date
    last_day: date | None = None
    never_counts: bool = False
    prices: dict[date, Decimal] = field(default_factory=dict)

    def value_on(self, day: date) -> Decimal:
        if self.never_counts or day < self.first_day:
            return Decimal(0)
        if self.last_day is not None and day > self.last_day:
            return Decimal(0)
        price = self.price
        for from_day in sorted(self.prices):
            if from_day <= day:
                price = self.prices[from_day]
        return (price * 12 / self.months).quantize(FOUR)


def sums(deals: list[Deal], day: date) -> dict[tuple[str, str], Decimal]:
    """By brand and currency, of what is above 0."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for deal in deals:
        if value := deal.value_on(day):
            found[deal.brand, deal.currency] += value
    return dict(found)


def telco_arr(feed: Path) -> tuple[Decimal, int]:
    """ARR and number of the contracts that run, straight from the raw file: monthly charges net,
    12 times."""
    total, number = Decimal(0), 0
    with gzip.open(feed, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            if row["Churn"] == "No":
                total += Decimal(row["MonthlyCharges"]) * 12
                number += 1
    return total, number
