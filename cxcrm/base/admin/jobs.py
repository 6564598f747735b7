"""How far somebody's bulk actions are, and what was refused."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from cxcrm.base.admin.lists import ListView, ReadOnlyAdmin
from cxcrm.base.deeds import UnknownDeed, deed_named
from cxcrm.base.enums import JobState
from cxcrm.base.models import Job, JobRefusal

REFUSALS_SHOWN = 50
STATE_COLOURS = {
    JobState.WAITING: "info",
    JobState.DONE: "success",
    JobState.STOPPED: "danger",
}


def model_of(job: Job) -> type[Model] | None:
    try:
        return apps.get_model(deed_named(job.deed).model)
    except UnknownDeed:
        return None


def page_of(job: Job, subject_id: int) -> str:
    model = model_of(job)
    if model is None:
        return ""
    page = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse(page, args=[subject_id])


def refused_rows(job: Job) -> list[dict[str, Any]]:
    """The first refusals with the rows that they are about, as far as these still exist."""
    refusals = list(job.refusals.order_by("id")[:REFUSALS_SHOWN])
    model = model_of(job)
    ids = [refusal.subject_id for refusal in refusals]
    rows = model._default_manager.in_bulk(ids) if model and ids else {}
    return [
        {
            "row": rows.get(refusal.subject_id, refusal.subject_id),
            "url": page_of(job, refusal.subject_id) if refusal.subject_id in rows else "",
            "reason": refusal.reason,
        }
        for refusal in refusals
    ]


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Agents see their own, leads everybody's."""

    views = (
        ListView("all", _("All"), lambda jobs, request: jobs),
        ListView("mine", _("Mine"), lambda jobs, request: jobs.filter(started_by=request.user)),
    )
    list_display = (
        "shown_deed",
        "shown_state",
        "total",
        "position",
        "refused",
        "started_by",
        "started_at",
        "finished_at",
    )
    list_display_links = ("shown_deed",)
    list_select_related = ("started_by",)
    change_form_outer_before_template = "base/job.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        jobs = super().get_queryset(request).defer("subject_ids")
        if request.user.has_perm("base.view_jobs_of_others"):
            return jobs
        return jobs.filter(started_by=request.user)

    def get_fieldsets(self, request: HttpRequest, obj: Job | None = None) -> tuple:
        """The page is the template: a million ids are no field to look at."""
        return ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.progress_view)
        return [
            path("<int:job_id>/progress/", view, name="base_job_progress"),
            *super().get_urls(),
        ]

    def progress_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """How far a job is: a piece of its page, which asks for it every two seconds."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = self.get_object(request, str(job_id))
        if job is None:
            raise Http404
        return render(request, "base/_job_progress.html", self._facts(job))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        job = kwargs["obj"]
        context |= self._facts(job)
        return super().render_change_form(request, context, *args, **kwargs)

    def _facts(self, job: Job) -> dict[str, Any]:
        refusals = [] if job.is_waiting else refused_rows(job)
        return {"job": job, "refusals": refusals}

    @display(description=_("bulk action"))
    def shown_deed(self, job: Job) -> str:
        return str(job)

    @display(description=_("state"), label=STATE_COLOURS)
    def shown_state(self, job: Job) -> tuple[str, str]:
        return job.state, job.get_state_display()


@admin.register(JobRefusal)
class JobRefusalAdmin(ReadOnlyAdmin):
    """What bulk actions were refused, to be gone through and exported."""

    list_display = ("reason", "shown_row", "shown_deed")
    export_fields = ("subject_id", "reason", "shown_deed")
    list_select_related = ("job",)
    linked_lookups = ("job",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        refusals = super().get_queryset(request).defer("job__subject_ids")
        if request.user.has_perm("base.view_jobs_of_others"):
            return refusals
        return refusals.filter(job__started_by=request.user)

    @display(description=_("row"))
    def shown_row(self, refusal: JobRefusal) -> str:
        url = page_of(refusal.job, refusal.subject_id)
        if not url:
            return str(refusal.subject_id)
        return format_html('<a class="desk-link" href="{}">{}</a>', url, refusal.subject_id)

    @display(description=_("bulk action"))
    def shown_deed(self, refusal: JobRefusal) -> str:
        return str(refusal.job)
