from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin.import_pages import ImportPages
from accounts.enums import ImportState, IssueSeverity
from accounts.models import ImportIssue, ImportMapping, ImportRun
from accounts.selectors.imports import import_overview
from cxcrm.base.admin import ListView, ReadOnlyAdmin

STATE_COLOURS = {
    ImportState.UPLOADED: "warning",
    ImportState.QUEUED: "info",
    ImportState.RUNNING: "info",
    ImportState.DONE: "success",
    ImportState.REFUSED: "danger",
    ImportState.DRY_RUN: "default",
}


@admin.register(ImportRun)
class ImportRunAdmin(ImportPages, ReadOnlyAdmin):
    views = (
        ListView("all", _("All"), lambda runs, request: runs),
        ListView(
            "open",
            _("Not imported yet"),
            lambda runs, request: runs.filter(state__in=ImportState.OPEN),
        ),
        ListView("mine", _("Mine"), lambda runs, request: runs.filter(started_by=request.user)),
    )
    list_display = (
        "file_name",
        "kind",
        "mapping",
        "as_of",
        "shown_state",
        "started_at",
        "rows_read",
        "rows_refused",
        "contradictions",
    )
    list_select_related = ("started_by", "brand")
    search_fields = ("file_name",)
    search_help_text = _("Words of the file's name")
    fieldsets = (
        (
            _("Details"),
            {
                "classes": ["collapse"],
                "fields": (
                    ("file_name", "mapping"),
                    ("kind", "brand"),
                    ("as_of", "state"),
                    ("started_at", "finished_at"),
                    ("started_by", "file_sha256"),
                ),
            },
        ),
    )
    change_form_outer_before_template = "accounts/desk/import_run.html"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= {"overview": import_overview(kwargs["obj"])}
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description=_("state"), label=STATE_COLOURS)
    def shown_state(self, run: ImportRun) -> tuple[str, str]:
        return run.state, run.get_state_display()


@admin.register(ImportIssue)
class ImportIssueAdmin(ReadOnlyAdmin):
    list_display = ("line", "field", "shown_severity", "reason", "run")
    export_fields = ("line", "field", "severity", "reason")
    list_select_related = ("run",)
    linked_lookups = ("run",)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("line", "field") if "run" in request.GET else ("-id",)

    @display(
        description=_("severity"),
        label={IssueSeverity.REFUSED: "danger", IssueSeverity.CONTRADICTION: "warning"},
    )
    def shown_severity(self, issue: ImportIssue) -> tuple[str, str]:
        return issue.severity, issue.get_severity_display()


@admin.register(ImportMapping)
class ImportMappingAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "saved_at", "saved_by")
    list_select_related = ("saved_by",)
    search_fields = ("name",)
    fields = (("name", "kind"), ("saved_at", "saved_by"), "content")
    ordering = ("name",)
