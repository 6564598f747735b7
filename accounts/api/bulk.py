"""Adds or changes up to 10,000 things in one call, with an answer for each."""

from collections.abc import Iterable
from dataclasses import asdict
from hashlib import sha256
from itertools import islice
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.bulk_schema import examples_of, request_of
from accounts.enums import ImportKind, RowStatus
from accounts.services.imports.api_rows import rows_of_lines
from accounts.services.imports.importing import ImportIsRunning
from accounts.services.imports.row_results import RowResult
from accounts.services.imports.upserts import AddedMeanwhile, upsert_rows
from cxcrm.base.rest.errors import BodyTooLarge, Conflict
from cxcrm.base.rest.filters import check_parameters
from cxcrm.base.rest.parsing import (
    LARGEST_BODY,
    LARGEST_UPLOAD,
    JsonAsWrittenParser,
    NdjsonParser,
)

MOST_ROWS = 10_000
_ROWS = "rows"


class BulkTooLarge(BodyTooLarge):
    default_detail = _(
        "A call takes up to 10,000 rows, in 50 MB as NDJSON or 10 MB as JSON. Send more as a file "
        "to /api/v1/imports/."
    )


class ComeAgain(Conflict):
    """Nothing has happened, and it may go well another time."""

    wait = 30


class RowErrorSerializer(serializers.Serializer):
    field = serializers.CharField(help_text="Name of the field; empty: the row as a whole.")
    code = serializers.ChoiceField(
        ["required", "invalid", "unknown", "not_found", "repeated", "contradiction"]
    )
    message = serializers.CharField()


class RowResultSerializer(serializers.Serializer):
    row = serializers.IntegerField(help_text="Which row of the call, from 1.")
    external_id = serializers.CharField(
        allow_null=True, help_text="As the row says it; of a product its code."
    )
    id = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(RowStatus.choices)
    errors = RowErrorSerializer(many=True, help_text="Why the row was refused.")
    warnings = RowErrorSerializer(
        many=True, help_text="What of a row that came in was left aside, as something else counts."
    )


_ANSWER = inline_serializer(
    "BulkAnswer",
    {
        "import": serializers.IntegerField(help_text="Id of the import that it is kept as."),
        "counts": serializers.DictField(
            child=serializers.IntegerField(), help_text="How many rows of each status."
        ),
        "results": RowResultSerializer(many=True, help_text="In the order of the rows."),
    },
)


class BulkUpsert:
    """Of a ResourceViewSet: `bulk/`, for things of `bulk_kind`."""

    bulk_kind: ClassVar[ImportKind]
    import_actions = frozenset({"bulk"})
    body_too_large = BulkTooLarge

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        rows = request_of(cls.bulk_kind, most=MOST_ROWS)
        described = extend_schema(request=rows, examples=examples_of(cls.bulk_kind))
        extend_schema_view(bulk=described)(cls)

    @property
    def largest_body(self) -> int:
        return LARGEST_UPLOAD if self.action == "bulk" else LARGEST_BODY

    @extend_schema(responses={200: _ANSWER})
    @action(detail=False, methods=["post"], parser_classes=[JsonAsWrittenParser, NdjsonParser])
    def bulk(self, request: Request) -> Response:
        """Add or change up to 10,000 of them.

        Rows come as NDJSON, or as JSON under `rows`. What a row does not say stays as it is, or
        takes its default where it is new. A row with a fault is refused, the others come in.
        """
        check_parameters(request, ())
        try:
            upserted = upsert_rows(
                kind=self.bulk_kind,
                rows=_rows(request.data),
                brand_ids=request.auth.brand_ids,
                sha256=sha256(self.body).hexdigest(),
                at=self.at,
                actor=request.user,
            )
        except (ImportIsRunning, AddedMeanwhile) as refusal:
            raise ComeAgain(str(refusal), refusal.code) from None
        return Response(
            {
                "import": upserted.run.pk,
                "counts": _counts(upserted.results),
                "results": [asdict(result) for result in upserted.results],
            }
        )


def _rows(data: Any) -> list[object]:
    """The rows of a body. Raises ValidationError, and BulkTooLarge."""
    if isinstance(data, bytes):
        rows = list(islice(rows_of_lines(data), MOST_ROWS + 1))
    else:
        rows = data.get(_ROWS) if isinstance(data, dict) and data.keys() <= {_ROWS} else None
    if not isinstance(rows, list) or not rows:
        raise serializers.ValidationError(
            {_ROWS: [_('Send rows as {"rows": [...]}, at least one and nothing beside it.')]}
        )
    if len(rows) > MOST_ROWS:
        raise BulkTooLarge
    return rows


def _counts(results: Iterable[RowResult]) -> dict[str, int]:
    counts = dict.fromkeys(RowStatus.values, 0)
    for result in results:
        counts[result.status] += 1
    return counts
