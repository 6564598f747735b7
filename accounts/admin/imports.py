from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.enums import ImportState
from accounts.models import ImportIssue, ImportRun
from cxcrm.base.admin import ReadOnlyAdmin

STATE_COLOURS = {
    ImportState.RUNNING: "info",
    ImportState.DONE: "success",
    ImportState.REFUSED: "danger",
    ImportState.DRY_RUN: "default",
}
ISSUES_SHOWN = 50


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    list_display = (
        "file_name",
        "mapping",
        "as_of",
        "shown_state",
        "started_at",
        "rows_read",
        "rows_refused",
    )
    list_select_related = ("started_by",)
    search_fields = ("file_name",)
    fields = (
        ("file_name", "mapping"),
        ("as_of", "state"),
        ("started_at", "finished_at"),
        ("rows_read", "rows_refused"),
        "shown_counts",
        ("started_by", "file_sha256"),
    )
    readonly_fields = ("shown_counts",)
    change_form_outer_after_template = "accounts/desk/import_issues.html"

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any):
        run = kwargs["obj"]
        context |= {"issues": run.issues.order_by("line", "field")[:ISSUES_SHOWN]}
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description=_("state"), label=STATE_COLOURS)
    def shown_state(self, run: ImportRun) -> tuple[str, str]:
        return run.state, run.get_state_display()

    @display(description=_("counts"))
    def shown_counts(self, run: ImportRun) -> str:
        return format_html_join(
            "",
            "<div>{}: {}</div>",
            ((name, _in_words(count)) for name, count in run.counts.items()),
        )


def _in_words(count: Any) -> str:
    if isinstance(count, dict):
        return ", ".join(f"{name} {number}" for name, number in count.items())
    return str(count)


@admin.register(ImportIssue)
class ImportIssueAdmin(ReadOnlyAdmin):
    list_display = ("line", "field", "reason", "run")
    list_select_related = ("run",)
    linked_lookups = ("run",)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("line", "field") if "run" in request.GET else ("-id",)
