"""Rows as integrations send them to `bulk/`, and what they look at in the answer."""

import json
from collections.abc import Iterable
from typing import Any

ACCOUNT = {
    "brand": "sun",
    "external_id": "K1",
    "name": "Bäckerei Brot",
    "customer_kind": "business",
    "segment": "small",
    "country": "DE",
    "region": "BW",
    "language": "de",
    "time_zone": "Europe/Berlin",
}
CONTACT = {
    "brand": "sun",
    "account_external_id": "K1",
    "external_id": "P1",
    "name": "Berta Brot",
    "role": "billing",
    "address": "berta@brot.example",
    "phone": "+49721123456",
    "language": "en",
}
PRODUCT = {
    "brand": "sun",
    "code": "pro",
    "name": "Pro",
    "family": "hosting",
    "on_offer": True,
    "list_price": 12,
    "promotion_price": None,
    "promotion_months": None,
    "tax_rate": "19.00",
    "currency": "EUR",
    "billing_period_months": 1,
    "first_term_months": 12,
    "after_term": "renews",
    "renewal_term_months": 12,
    "notice_months": 1,
    "notice_days": 0,
    "provisioning_hours": 1,
}
CONTRACT = {
    "brand": "sun",
    "external_id": "V1",
    "account_external_id": "K1",
    "product_code": "pro",
    "concluded_on": "2026-04-20",
    "starts_on": "2026-05-01",
    "first_term_months": 12,
    "after_term": "renews",
    "renewal_term_months": 12,
    "notice_months": 1,
    "notice_days": 0,
    "ends_on": None,
    "price": "9.90",
    "renewal_price": None,
    "tax_rate": "19.00",
    "currency": "EUR",
    "billing_period_months": 1,
    "is_trial": False,
}


def ndjson(rows: Iterable[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def send_lines(client: Any, path: str, body: bytes, *, idempotency_key: str = "once") -> Any:
    return client.send(
        "POST",
        path,
        body=body,
        content_type="application/x-ndjson",
        headers={"Idempotency-Key": idempotency_key},
    )


def statuses(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [result["status"] for result in response.json()["results"]]


def faults(response: Any) -> dict[int, list[tuple[str, str]]]:
    """Of the rows with errors: their fields and codes."""
    assert response.status_code == 200, response.content
    return {
        result["row"]: [(fault["field"], fault["code"]) for fault in result["errors"]]
        for result in response.json()["results"]
        if result["errors"]
    }
