"""Imports as integrations see them: those that they start, and what became of each."""

from dataclasses import asdict
from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.api.references import BrandField
from accounts.enums import ImportKind
from accounts.models import ImportIssue, ImportRun
from accounts.selectors.imports import progress_of
from accounts.services.imports.api_rows import field_as_sent
from accounts.services.imports.sent import send_import
from cxcrm.base.rest.errors import QueryRefused
from cxcrm.base.rest.fields import DayField, TextField
from cxcrm.base.rest.filters import ResourceFilterSet, check_parameters
from cxcrm.base.rest.paging import Order
from cxcrm.base.rest.parsing import LARGEST_UPLOAD, CsvParser, FileParser, NdjsonParser
from cxcrm.base.rest.serializers import Expandable, ResourceSerializer
from cxcrm.base.rest.views import ResourceViewSet
from cxcrm.base.scopes import ResourceGroup, Verb

GROUPS = {
    ImportKind.ACCOUNTS: ResourceGroup.CUSTOMERS,
    ImportKind.CONTACTS: ResourceGroup.CUSTOMERS,
    ImportKind.PRODUCTS: ResourceGroup.PRODUCTS,
    ImportKind.CONTRACTS: ResourceGroup.CONTRACTS,
    ImportKind.CANCELLATIONS: ResourceGroup.CONTRACTS,
}


def _groups(kind: ImportKind, *, has_mapping: bool) -> set[ResourceGroup]:
    """By a mapping a file of contracts may bring its customers and products along."""
    if kind == ImportKind.CONTRACTS and has_mapping:
        return set(GROUPS.values())
    return {GROUPS[kind]}


class MayUseImports(BasePermission):
    """An import belongs to the group of what it imports: a key sees those of the groups that it
    may read, and starts those of the groups that it may import."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.auth and view.kinds_for(request))


class ProgressSerializer(serializers.Serializer):
    step = serializers.CharField(help_text="Empty while it waits for a worker.")
    percent = serializers.IntegerField(allow_null=True, help_text="Of this step.")


class ImportSerializer(ResourceSerializer):
    brand = serializers.CharField(
        source="brand.code",
        allow_null=True,
        default=None,
        help_text="Code of the brand, where it is one for all rows.",
    )
    progress = serializers.SerializerMethodField(help_text="Null: it is not under way.")

    expandable = {
        "brand": Expandable(
            "brand", "accounts.api.customers.BrandSerializer", ResourceGroup.CUSTOMERS
        ),
    }

    class Meta:
        model = ImportRun
        fields = (
            "id",
            "kind",
            "state",
            "file_name",
            "mapping",
            "brand",
            "as_of",
            "is_dry_run",
            "started_at",
            "finished_at",
            "rows_read",
            "rows_refused",
            "contradictions",
            "counts",
            "progress",
        )
        read_only_fields = fields

    @extend_schema_field(ProgressSerializer(allow_null=True))
    def get_progress(self, run: ImportRun) -> dict[str, Any] | None:
        progress = progress_of(run)
        return asdict(progress) if progress else None


class ImportIssueSerializer(ResourceSerializer):
    line = serializers.IntegerField(help_text="Of a table, the header is line 1; 0: the file.")
    field = serializers.SerializerMethodField(help_text="Empty: the row as a whole.")

    class Meta:
        model = ImportIssue
        fields = ("line", "field", "reason", "severity")
        read_only_fields = fields

    def get_field(self, issue: ImportIssue) -> str:
        return field_as_sent(issue)


class NewImport(serializers.Serializer):
    """The parameters of a new import; its body is the file."""

    kind = serializers.ChoiceField(ImportKind.choices, help_text="What a row is.")
    mapping = TextField(
        max_length=50,
        required=False,
        help_text="Name of a mapping of the desk. Left out: columns have the names of the API.",
    )
    brand = BrandField(required=False, help_text="Code of the brand, where rows do not say it.")
    as_of = DayField(
        required=False, help_text="The day that the file is from. Left out: today, in UTC."
    )
    dry_run = serializers.ChoiceField(
        ["true", "false"], default="false", help_text="Check and count all of it, write nothing."
    )


class ImportFilters(ResourceFilterSet):
    class Meta:
        model = ImportRun
        fields = ("kind", "state", "is_dry_run")


class ImportIssueFilters(ResourceFilterSet):
    class Meta:
        model = ImportIssue
        fields = ("severity",)


class ImportViewSet(ResourceViewSet):
    """Imports: files that wait for a worker or were imported, and calls of bulk upsert.

    A key sees those of the groups that it may read. One that is limited to brands sees those that
    it started itself, for one of them or with bulk upserts for several.
    """

    groups = frozenset(GROUPS.values())
    brand_path = None
    permission_classes = (MayUseImports,)
    serializer_class = ImportSerializer
    filterset_class = ImportFilters
    import_actions = frozenset({"create"})
    order = "-id"
    largest_body = LARGEST_UPLOAD
    parser_classes = (NdjsonParser, CsvParser, FileParser)

    def kinds_for(self, request: Request) -> list[ImportKind]:
        """The kinds of which the key may do what is asked."""
        verb = self.verb_of(request)
        said = request.query_params if verb == Verb.IMPORT else {}
        asked = said.get("kind")
        kinds = [kind for kind in GROUPS if kind == asked] or list(GROUPS)
        has_mapping = "mapping" in said
        return [
            kind
            for kind in kinds
            if all(
                request.auth.may(verb, group) for group in _groups(kind, has_mapping=has_mapping)
            )
        ]

    def get_queryset(self) -> QuerySet[ImportRun]:
        return ImportRun.objects.select_related("brand")

    def visible(self, rows: QuerySet) -> QuerySet:
        rows = rows.filter(kind__in=self.kinds_for(self.request))
        brand_ids = self.request.auth.brand_ids
        if brand_ids is None:
            return rows
        of_brands = Q(brand=None) | Q(brand__in=brand_ids)
        return rows.filter(of_brands, started_by=self.request.user)

    @extend_schema(
        parameters=[NewImport], request=OpenApiTypes.BINARY, responses={202: ImportSerializer}
    )
    def create(self, request: Request) -> Response:
        """Send a file of up to 50 MB for import; a worker imports it as soon as it can.

        Without a mapping its columns have the names of the API: the same in every row, `null` or
        an empty cell for what is empty, which takes the default. Ask the answer's Location for
        `state` until it is `done`, `refused` or `dry_run`.
        """
        said = self._parameters(request)
        run = send_import(
            content=self.body,
            kind=ImportKind(said["kind"]),
            mapping=said.get("mapping", ""),
            brand=said.get("brand"),
            brand_ids=request.auth.brand_ids,
            as_of=said.get("as_of") or self.at.date(),
            is_dry_run=said["dry_run"] == "true",
            at=self.at,
            actor=request.user,
        )
        response = self.created(run)
        response.status_code = status.HTTP_202_ACCEPTED
        return response

    @extend_schema(responses={200: ImportIssueSerializer(many=True)})
    @action(
        detail=True,
        serializer_class=ImportIssueSerializer,
        filterset_class=ImportIssueFilters,
        orders={"line": Order(("line", "field"))},
        order="line",
    )
    def issues(self, request: Request, pk: str) -> Response:
        """What came up: rows that were refused, and contradictions of rows that came in."""
        issues = ImportIssue.objects.filter(run=self.get_object()).select_related("run")
        rows = self.paginate_queryset(GenericViewSet.filter_queryset(self, issues))
        data = ImportIssueSerializer(rows, many=True, context={"shape": self.shape}).data
        return self.get_paginated_response(data)

    def _parameters(self, request: Request) -> dict[str, Any]:
        checker = NewImport(data=request.query_params.dict(), context={"request": request})
        check_parameters(request, checker.fields)
        if not checker.is_valid():
            raise QueryRefused(
                {name: " ".join(map(str, said)) for name, said in checker.errors.items()}
            )
        return checker.validated_data
