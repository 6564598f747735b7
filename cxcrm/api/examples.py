"""Examples for the description of the API: a web hoster, its customers and what they hold.

They are put together field by field, so none lacks a field that a resource has got.
"""

from typing import Any

from rest_framework import serializers

# By the name of a field, or of a field of one serializer.
OF_FIELDS: dict[str, Any] = {
    "id": 4711,
    "brand": "hostwerk",
    "external_id": "K-10042",
    "account": 4711,
    "account_external_id": "K-10042",
    "account_name": "Bäckerei Sonntag GmbH",
    "product_code": "web-m",
    "name": "Bäckerei Sonntag GmbH",
    "email": "rechnung@baeckerei-sonntag.example",
    "phone": "+497211234567",
    "country": "DE",
    "region": "BW",
    "language": "de",
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
    "arr": "238.80",
    "price": "19.90",
    "renewal_price": "24.90",
    "tax_rate": "19.00",
    "billing_period_months": 1,
    "first_term_months": 12,
    "renewal_term_months": 12,
    "notice_months": 1,
    "notice_days": 0,
    "result": "The customer has been called back.",
    "created_at": "2026-01-12T09:30:00Z",
    "concluded_on": "2026-01-12",
    "starts_on": "2026-01-15",
    "renewal_date": "2027-01-15",
    "notice_deadline": "2026-12-14",
    "due_on": "2026-12-01",
    "lost_on": None,
    "ends_on": None,
    "Brand.code": "hostwerk",
    "Brand.name": "Hostwerk",
    "Brand.legal_name": "Hostwerk GmbH",
    "Brand.base_url": "https://www.hostwerk.example",
    "Brand.service_address": "service@hostwerk.example",
    "Product.code": "web-m",
    "Product.name": "Webhosting M",
    "Product.family": "hosting",
    "Contact.external_id": "P-1",
    "Contact.name": "Frieda Sonntag",
    "Contract.external_id": "V-20815",
    "Task.title": "Call back about the renewal",
}
OF_TYPES: tuple[tuple[type[serializers.Field], Any], ...] = (
    (serializers.BooleanField, False),
    (serializers.DateTimeField, "2026-11-20T14:05:00Z"),
    (serializers.DateField, "2026-12-01"),
    (serializers.DecimalField, "19.90"),
    (serializers.IntegerField, 12),
    (serializers.FloatField, 0.5),
    (serializers.EmailField, "rechnung@baeckerei-sonntag.example"),
    (serializers.URLField, "https://www.hostwerk.example"),
    (serializers.DictField, {}),
    (serializers.JSONField, {}),
)
# Of a file that is sent as it is, by its type.
OF_FILES = {
    "application/x-ndjson": '{"external_id": "K-10042", "name": "Bäckerei Sonntag GmbH"}\n',
    "text/csv": "external_id,name\nK-10042,Bäckerei Sonntag GmbH\n",
}
OF_ERRORS = {
    400: ("invalid_query", "A parameter of the address is wrong.", "limit"),
    401: ("key_invalid", "This key is not valid.", ""),
    403: ("permission_denied", "You do not have permission to perform this action.", ""),
    404: ("not_found", "There is no such thing.", ""),
    406: ("not_acceptable", "Could not satisfy the request Accept header.", ""),
    409: ("conflict", "It does not go with what is there.", ""),
    411: ("length_required", "Send the body with its Content-Length, not in chunks.", ""),
    412: ("state_changed", "Somebody else has changed it since you read it. Read it again.", ""),
    413: ("body_too_large", "The body is too large.", ""),
    415: ("unsupported_media_type", "Unsupported media type in request.", ""),
    422: ("invalid", "The content is not valid.", "name"),
    429: ("throttled", "Request was throttled.", ""),
    503: ("unavailable", "Try again shortly.", ""),
}


def example_of(serializer: serializers.BaseSerializer, *, is_request: bool) -> Any:
    """A body or an answer of this serializer."""
    if not isinstance(serializer, serializers.Serializer):
        return {}
    kind = _kind_of(serializer)
    return {
        name: _example(kind, name, field, is_request=is_request)
        for name, field in serializer.fields.items()
        if not (field.read_only if is_request else field.write_only)
    }


def _kind_of(serializer: serializers.Serializer) -> str:
    """What it is about: the model, whatever is shown or taken of it."""
    meta = getattr(serializer, "Meta", None)
    return meta.model.__name__ if meta else type(serializer).__name__.removesuffix("Serializer")


def error_example(status: int) -> dict[str, Any]:
    code, message, field = OF_ERRORS[status]
    fault = {"field": field, "code": "invalid", "message": "A whole number from 1 to 200."}
    if status == 422:
        fault |= {"code": "required", "message": "This field is required."}
    return {
        "error": {
            "code": code,
            "message": message,
            "request_id": "da577644-2519-4a46-814f-8cfd1ef237e7",
            "fields": [fault] if field else [],
        }
    }


def _example(kind: str, name: str, field: serializers.Field, *, is_request: bool) -> Any:
    for known in (f"{kind}.{name}", name):
        if known in OF_FIELDS:
            return OF_FIELDS[known]
    if isinstance(field, serializers.ListSerializer):
        return [example_of(field.child, is_request=is_request)]
    if isinstance(field, serializers.Serializer):
        return example_of(field, is_request=is_request)
    if isinstance(field, serializers.ListField):
        return [_example(kind, "", field.child, is_request=is_request)]
    if isinstance(field, serializers.ChoiceField):
        return next(iter(field.choices))
    if field.allow_null:
        return None
    return next((value for of, value in OF_TYPES if isinstance(field, of)), "")
