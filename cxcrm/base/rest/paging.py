"""Pages by key: each begins after the last row of the one before, so that the thousandth costs as
much as the first, and rows that come or go meanwhile neither shift nor repeat others."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from cxcrm.base.links import absolute
from cxcrm.base.rest.errors import QueryRefused

LIMIT = 50
LONGEST = 200
LONGEST_CURSOR = 1_000
PARAMETERS = {"cursor", "limit", "order"}
# NUL and halves of characters: PostgreSQL does not even compare with them.
_NEVER_STORED = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Order:
    """Columns that an index has in this order, `id` last, all the same way round. `among`: the
    rows that the index has, where that is not all of them; the others are left out. In none of
    them a column is NULL."""

    columns: tuple[str, ...]
    descending: bool = False
    among: Q = field(default_factory=Q)

    def reversed(self) -> "Order":
        return replace(self, descending=not self.descending)


BY_ID = {"id": Order(("id",)), "-id": Order(("id",), descending=True)}


class KeysetPagination(BasePagination):
    """`orders` of the view name the orders that there are; its `order` is the one by default."""

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: Any = None) -> list:
        self._request = request
        name = request.query_params.get("order", view.order)
        if name not in view.orders:
            known = ", ".join(view.orders)
            raise QueryRefused({"order": _("There are: %s.") % known})
        order = view.orders[name]
        limit = self._limit()
        cursor = self._cursor(name, order, queryset)
        backwards = cursor is not None and cursor["back"]
        walk = order.reversed() if backwards else order
        queryset = queryset.filter(order.among)
        if cursor is not None:
            queryset = queryset.filter(beyond(walk, cursor["values"]))
        sign = "-" if walk.descending else ""
        rows = list(queryset.order_by(*(sign + column for column in walk.columns))[: limit + 1])
        has_more = len(rows) > limit
        rows = rows[:limit]
        if backwards:
            rows.reverse()
        has_next = has_more if not backwards else True
        has_previous = has_more if backwards else cursor is not None
        self._next = self._link(name, order, rows[-1], back=False) if rows and has_next else None
        self._previous = (
            self._link(name, order, rows[0], back=True) if rows and has_previous else None
        )
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self._next, "previous": self._previous})

    def get_paginated_response_schema(self, schema: dict) -> dict:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {
                "results": schema,
                "next": link | {"description": "The page after this one; null on the last."},
                "previous": link | {"description": "The page before this one; null on the first."},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict]:
        return [
            {
                "name": "limit",
                "in": "query",
                "description": f"Rows of a page, {LIMIT} unless told.",
                "schema": {"type": "integer", "minimum": 1, "maximum": LONGEST, "default": LIMIT},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "Where the page begins: as in the links `next` and `previous`.",
                "schema": {"type": "string", "maxLength": LONGEST_CURSOR},
            },
            {
                "name": "order",
                "in": "query",
                "description": "A minus before it: the other way round.",
                "schema": {"type": "string", "enum": list(view.orders), "default": view.order},
            },
        ]

    def _limit(self) -> int:
        text = self._request.query_params.get("limit")
        if text is None:
            return LIMIT
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LONGEST):
            raise QueryRefused({"limit": _("A whole number from 1 to %d.") % LONGEST})
        return int(text)

    def _cursor(self, name: str, order: Order, queryset: QuerySet) -> dict[str, Any] | None:
        text = self._request.query_params.get("cursor")
        if text is None:
            return None
        try:
            if len(text) > LONGEST_CURSOR:
                raise ValueError
            read = json.loads(urlsafe_b64decode(text.encode("ascii")))
            said, back, values = read
            if said != name or not isinstance(back, bool) or len(values) != len(order.columns):
                raise ValueError
            fields = [queryset.model._meta.get_field(column) for column in order.columns]
            pairs = zip(fields, values, strict=True)
            return {"back": back, "values": [_read_value(field, value) for field, value in pairs]}
        except (
            ValueError,
            TypeError,
            OverflowError,
            RecursionError,
            NoBase64,
            ValidationError,
            FieldDoesNotExist,
        ):
            raise QueryRefused(
                {"cursor": _("Take it from the links of a page in the same order.")}
            ) from None

    def _link(self, name: str, order: Order, row: Any, *, back: bool) -> str:
        values = [_written(getattr(row, column)) for column in order.columns]
        packed = json.dumps([name, back, values], separators=(",", ":"))
        query = self._request.query_params.dict()
        query["cursor"] = urlsafe_b64encode(packed.encode()).decode()
        return f"{absolute(self._request.path)}?{urlencode(sorted(query.items()))}"


def beyond(order: Order, values: list) -> Any:
    """A comparison of rows, which PostgreSQL turns into one range of the index."""
    lookup = TupleLessThan if order.descending else TupleGreaterThan
    return lookup(Tuple(*map(F, order.columns)), values)


def _written(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _read_value(field: Any, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError
    if isinstance(value, str) and _NEVER_STORED.search(value):
        raise ValueError
    read = field.to_python(value)
    field.run_validators(read)
    return read
