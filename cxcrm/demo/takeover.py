"""The feed of a small hoster that the demo company has taken over: an import with its findings."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

from cxcrm.demo.customers import add_months, no_month_end
from cxcrm.demo.names import company, person, slug

BRAND = "nordlicht"
CUSTOMERS = 40
# The send day of these renewals is past when the feed comes in: their reminders are held.
RENEWING_SOON = 12


def write_feed(path: Path, rng: Random, *, as_of: date) -> None:
    """A CSV file with the columns of the mapping `standard`, and three rows that are refused."""
    rows = list(_rows(rng, as_of))
    rows[7]["starts_on"] = "31.02.2024"
    rows[19]["country"] = "Germany"
    rows[31]["price"] = "7,90 EUR"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _rows(rng: Random, as_of: date) -> Iterator[dict[str, str | int | date | None]]:
    for number in range(1, CUSTOMERS + 1):
        ahead = rng.randint(34, 43) if number <= RENEWING_SOON else rng.randint(60, 330)
        renewal_date = no_month_end(as_of + timedelta(days=ahead))
        name = company(rng, "de", "DE")
        contact = person(rng, "de")
        promotion = number % 9 == 0
        yield {
            "account_number": f"H{500 + number}",
            "account_name": name,
            "customer_kind": "business",
            "segment": "micro",
            "country": "DE",
            "language": "de",
            "time_zone": "Europe/Berlin",
            "contact_name": contact,
            "contact_address": (
                f"{slug(contact).replace('-', '.')}@{slug(name)}-{number}.customers.example"
            ),
            "product_code": "heide-web",
            "product_name": "Heide Web",
            "product_family": "hosting",
            "contract_number": f"HV{500 + number}",
            "starts_on": add_months(renewal_date, -12 * rng.randint(1, 4)),
            "first_term_months": 12,
            "after_term": "renews",
            "renewal_term_months": 12,
            "notice_months": 1,
            "price": "3.95" if promotion else rng.choice(["7", "9", "12.50"]),
            "promotion_ends_on": as_of + timedelta(days=50) if promotion else None,
            "price_after_promotion": "9" if promotion else None,
            "tax_rate": "19",
            "currency": "EUR",
            "billing_period_months": 1,
        }
