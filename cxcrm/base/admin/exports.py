"""A list of the desk as a file: what it shows now, all pages of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import structlog
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path, label_for_field, lookup_field
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db import transaction
from django.db.models import Field, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from cxcrm.base import clock
from cxcrm.base.exports import FILE_TYPES, TooManyRows

logger = structlog.get_logger(__name__)

_ROWS_PER_FETCH = 2_000


@dataclass(frozen=True)
class Column:
    heading: str
    cell: Callable[[Model], Any]


class ExportsList:
    """Mixed into a `ModelAdmin` with a list: its files at `export/csv/` and `export/xlsx/`.

    A file holds the columns of the list, or those in `export_fields`: fields, paths to fields of
    related rows (`account__external_id`), or methods as in `list_display`. Cells are plain values:
    days, numbers and texts without markup.
    """

    export_fields: tuple[str, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/<str:file_type>/", view, name=name), *super().get_urls()]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("base.export") and self.has_view_or_change_permission(request)

    def exports_of(self, request: HttpRequest, shown: ChangeList) -> list[dict[str, str]]:
        """The links below which the list that is `shown` can be had as a file."""
        if not self.has_export_permission(request):
            return []
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_export"
        query = shown.get_query_string(remove=[PAGE_VAR])
        return [
            {"label": file_type.upper(), "url": reverse(name, args=[file_type]) + query}
            for file_type in FILE_TYPES
        ]

    def export_view(self, request: HttpRequest, file_type: str) -> HttpResponseBase:
        if not self.has_export_permission(request):
            raise PermissionDenied
        if file_type not in FILE_TYPES:
            raise Http404
        changelist = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        try:
            shown = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return redirect(f"{reverse(changelist)}?{ERROR_FLAG}=1")
        columns = self.export_columns(request)
        header = [column.heading for column in columns]
        rows = self._export_rows(request, shown.queryset, columns, file_type)
        name = f"{self.opts.model_name}-{clock.now():%Y-%m-%d}"
        try:
            return FILE_TYPES[file_type](name, header, rows)
        except TooManyRows as refusal:
            messages.error(request, str(refusal))
            return redirect(reverse(changelist) + shown.get_query_string())

    def export_columns(self, request: HttpRequest) -> list[Column]:
        names = self.export_fields or self.get_list_display(request)
        return [_column(self, name) for name in names]

    def _export_rows(
        self, request: HttpRequest, queryset: QuerySet, columns: list[Column], file_type: str
    ) -> Iterator[list]:
        relations = _relations(self.model, self.export_fields)
        if relations:
            queryset = queryset.select_related(*relations)
        written, whole = 0, False
        try:
            # Inside a transaction the rows come from a cursor of the server, else all at once.
            with transaction.atomic():
                for row in queryset.iterator(chunk_size=_ROWS_PER_FETCH):
                    yield [column.cell(row) for column in columns]
                    written += 1
            whole = True
        finally:
            logger.info(
                "list_exported",
                list=self.opts.label_lower,
                file_type=file_type,
                user_id=request.user.pk,
                rows=written,
                whole=whole,
            )


def _relations(model: type[Model], names: tuple[str, ...]) -> list[str]:
    """What the fields of an export read beside the row itself."""
    relations = {name.rpartition("__")[0] for name in names if "__" in name.strip("_")}
    return sorted(relations | {name for name in names if _is_relation(model, name)})


def _is_relation(model: type[Model], name: str) -> bool:
    try:
        return bool(model._meta.get_field(name).many_to_one)
    except FieldDoesNotExist:
        return False


def _column(model_admin: Any, name: str) -> Column:
    model = model_admin.model
    if "__" in name.strip("_"):
        fields = get_fields_from_path(model, name)
        heading = ": ".join(str(field.verbose_name) for field in fields)
        return Column(capfirst(heading), _cell_of_path(name.split("__"), fields[-1]))
    heading, shown = label_for_field(name, model, model_admin, return_attr=True)
    if shown is None:
        field = model._meta.get_field(name)
        return Column(capfirst(str(heading)), _cell_of_path([name], field))

    def cell(row: Model) -> Any:
        value = lookup_field(name, row, model_admin)[2]
        if isinstance(value, tuple | list):
            # The theme shows a label as (key, text), and a header as (text, more, ...).
            value = value[1] if getattr(shown, "label", None) else value[0]
        return _plain(value)

    return Column(capfirst(str(heading)), cell)


def _cell_of_path(parts: list[str], field: Field) -> Callable[[Model], Any]:
    words = {value: str(word) for value, word in field.flatchoices}

    def cell(row: Model) -> Any:
        value: Any = row
        for part in parts:
            value = getattr(value, part, None)
        return _plain(words.get(value, value) if words else value)

    return cell


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, SafeString):
        return unescape(strip_tags(value))
    return value
