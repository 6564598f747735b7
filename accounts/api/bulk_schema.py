"""The rows of bulk upsert as OpenAPI describes them, from what imports know of our fields."""

import json
from typing import Any

from django.utils import translation
from drf_spectacular.utils import OpenApiExample

from accounts.enums import ImportKind
from accounts.services.imports import Field, fields_of
from accounts.services.imports.api_rows import FORMATS
from accounts.services.imports.kinds import Amount, Choice, Day, Kind, Text, Whole, YesNo

Schema = dict[str, Any]

# Of each kind rows as they are sent: of a known thing what changes, of a new one what it needs.
_ROWS: dict[ImportKind, list[dict[str, Any]]] = {
    ImportKind.ACCOUNTS: [
        {"brand": "hostwerk", "external_id": "K-10042", "segment": "small"},
        {
            "brand": "hostwerk",
            "external_id": "K-10043",
            "name": "Bäckerei Sonntag GmbH",
            "customer_kind": "business",
            "country": "DE",
            "language": "de",
            "time_zone": "Europe/Berlin",
        },
    ],
    ImportKind.CONTACTS: [
        {
            "brand": "hostwerk",
            "account_external_id": "K-10042",
            "external_id": "P-1",
            "name": "Sabine Sonntag",
            "role": "billing",
            "address": "rechnung@baeckerei-sonntag.example",
        },
    ],
    ImportKind.PRODUCTS: [
        {"brand": "hostwerk", "code": "web-m", "name": "Web M", "family": "hosting"},
    ],
    ImportKind.CONTRACTS: [
        {"brand": "hostwerk", "external_id": "V-70815", "price": "21.90"},
        {
            "brand": "hostwerk",
            "external_id": "V-70816",
            "account_external_id": "K-10042",
            "product_code": "web-m",
            "starts_on": "2026-12-01",
            "first_term_months": 12,
            "after_term": "renews",
            "renewal_term_months": 12,
            "notice_months": 1,
            "price": "19.90",
            "tax_rate": "19.00",
            "currency": "EUR",
            "billing_period_months": 1,
        },
    ],
}


def request_of(kind: ImportKind, *, most: int) -> Schema:
    """By media type: the body of a call that takes up to `most` rows."""
    row = row_of(kind)
    rows = {"type": "array", "minItems": 1, "maxItems": most, "items": row}
    return {
        "application/json": {
            "type": "object",
            "required": ["rows"],
            "additionalProperties": False,
            "properties": {"rows": rows},
        },
        "application/x-ndjson": {
            "type": "string",
            "format": "binary",
            "description": f"One row per line, up to {most:,}, each as in the JSON form.",
        },
    }


def examples_of(kind: ImportKind) -> list[OpenApiExample]:
    rows = _ROWS[kind]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    values = {"application/json": {"rows": rows}, "application/x-ndjson": lines}
    return [
        OpenApiExample("Example", value, request_only=True, media_type=media_type)
        for media_type, value in values.items()
    ]


def row_of(kind: ImportKind) -> Schema:
    form = FORMATS[kind]
    known = fields_of(kind)
    with translation.override("en"):
        properties = {name: _property(known[ours]) for name, ours in form.fields.items()}
    return {
        "type": "object",
        "required": list(form.key),
        "additionalProperties": False,
        "properties": properties,
    }


def _property(field: Field) -> Schema:
    schemas = [_schema(field.kind)]
    if isinstance(field.kind, Amount):
        schemas.append({"type": "number", "minimum": 0})
    if not field.required:
        schemas.append({"type": "null"})
    return {"description": str(field.meaning)} | (
        schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    )


def _schema(kind: Kind) -> Schema:
    match kind:
        case YesNo():
            return {"type": "boolean"}
        case Whole():
            return {"type": "integer", "minimum": kind.least, "maximum": kind.most}
        case Choice():
            return {"type": "string", "enum": list(kind.choices.values)}
        case Day():
            return {"type": "string", "format": "date"}
        case Text():
            return {"type": "string", "maxLength": kind.longest}
        case _:
            return {"type": "string"}
