"""An import beside COPY and one INSERT of the same rows: new contracts of known accounts."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from accounts.models import Account, Brand, Product
from accounts.services.imports import import_feed
from benchmarks import sql
from benchmarks.cases import Work
from cxcrm.base import clock

ROWS = 20_000
TERMS = {
    "first_term_months": 12,
    "after_term": "renews",
    "renewal_term_months": 12,
    "notice_months": 1,
    "notice_days": 0,
    "price": "9.00",
    "tax_rate": "19.00",
    "currency": "EUR",
    "billing_period_months": 1,
}


@contextmanager
def import_works(day: date) -> Iterator[list[Work]]:
    """What is measured; the feed that it reads is there as long as the context is."""
    brand = Brand.objects.earliest("pk")
    with TemporaryDirectory() as folder:
        feed = Path(folder) / "contracts.csv"
        columns = _write(feed, brand, day)
        yield [
            Work(
                "import, new contracts",
                lambda: _import(feed, brand, day),
                lambda: sql.copy_contracts(feed, columns=columns, brand_id=brand.pk),
            )
        ]


def _import(feed: Path, brand: Brand, day: date) -> int:
    run = import_feed(
        file=feed,
        mapping="standard",
        as_of=day,
        brand=brand.code,
        dry_run=False,
        at=clock.instant_on(day),
    )
    return run.counts["contracts"]["added"]


def _write(feed: Path, brand: Brand, day: date) -> list[str]:
    accounts = Account.objects.filter(brand=brand).order_by("pk")[:ROWS]
    product = Product.objects.filter(brand=brand).earliest("pk")
    columns = ["account_number", "contract_number", "product_code", "starts_on", *TERMS]
    with feed.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for place, number in enumerate(accounts.values_list("external_id", flat=True)):
            writer.writerow(
                {
                    "account_number": number,
                    "contract_number": f"bench-{place}",
                    "product_code": product.code,
                    "starts_on": day - timedelta(days=place % 1_000),
                    **TERMS,
                }
            )
    return columns
