"""Feeds in the names of the shipped mapping `standard`, and how tests take them in."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path

from accounts.models import ImportRun
from accounts.services.imports import import_feed

AS_OF = date(2026, 6, 1)
AT = datetime(2026, 6, 1, 10, tzinfo=UTC)

COMPLETE = {
    "account_number": "K1",
    "account_name": "Bäckerei Brot GmbH",
    "customer_kind": "business",
    "segment": "small",
    "country": "DE",
    "region": "BW",
    "language": "de",
    "time_zone": "Europe/Berlin",
    "contact_number": "P1",
    "contact_name": "Berta Brot",
    "contact_role": "billing",
    "contact_address": "Berta@Brot.example",
    "contact_phone": "+49 721 123456",
    "contact_language": "en",
    "product_code": "web-s",
    "product_name": "Web S",
    "product_family": "hosting",
    "contract_number": "V1",
    "concluded_on": "2025-12-20",
    "starts_on": "2026-01-15",
    "first_term_months": "12",
    "after_term": "renews",
    "renewal_term_months": "12",
    "notice_months": "1",
    "notice_days": "",
    "ends_on": "",
    "price": "9.90",
    "renewal_price": "12.50",
    "tax_rate": "19",
    "currency": "EUR",
    "billing_period_months": "1",
    "reminded_on": "",
    "newsletter_basis": "consent",
    "newsletter_source": "order form",
    "newsletter_since": "2025-12-20",
}


def row(**changes: str) -> dict[str, str]:
    return COMPLETE | changes


def write_feed(path: Path, *rows: dict[str, str], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def take_in(path: Path, **options) -> ImportRun:
    settings = {
        "mapping": "standard",
        "as_of": AS_OF,
        "brand": "web",
        "dry_run": False,
        "at": AT,
    }
    return import_feed(file=path, **settings | options)


def issues(run: ImportRun) -> list[tuple[int, str, str]]:
    return list(run.issues.order_by("line", "field").values_list("line", "field", "reason"))
