"""The way of a file into cxcrm: upload, mapping, preview, start, progress, report."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts.forms.imports import UploadForm
from accounts.forms.mapping import MappingForm
from accounts.models import Brand, CancellationReason, ImportRun
from accounts.selectors.imports import shown_step
from accounts.services.imports import (
    FeedRefused,
    PreviewRow,
    fields_of,
    preview_feed,
    read_sample,
)
from accounts.services.imports.saved_mappings import guessed_content
from accounts.services.imports.uploads import (
    SAMPLED,
    FileIsGone,
    discard_import,
    map_upload,
    open_upload,
    queue_import,
    store_upload,
)
from cxcrm.base import clock
from cxcrm.base.admin import held
from cxcrm.base.errors import DomainError

PREVIEWED = 20


def of_run(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page of one run, for those who may import feeds."""

    @wraps(view)
    def page(self: "ImportPages", request: HttpRequest, run_id: int) -> HttpResponse:
        run = self.run_for(request, run_id)
        try:
            return view(self, request, run)
        except FileIsGone as refusal:
            messages.warning(request, str(refusal))
            return self.to_run(run)
        except FeedRefused as refusal:
            messages.error(request, str(refusal))
            return self.to_run(run)

    return page


def _previewed(row: PreviewRow, columns: list[str]) -> dict[str, Any]:
    """A row with its cells in the order of the columns."""
    return {
        "line": row.line,
        "places": [field or reason for field, reason in row.problems.items()],
        "is_refused": bool(row.problems),
        "cells": [
            {"name": name, "value": row.values.get(name, ""), "problem": row.problems.get(name)}
            for name in columns
        ],
    }


class ImportPages:
    """The pages of ImportRunAdmin that import; each needs `accounts.import_feed`."""

    actions_list = ("upload",)
    has_import_permission = held("accounts.import_feed")

    def get_urls(self) -> list[URLPattern]:
        pages = {
            "mapping": ("<int:run_id>/mapping/", self.mapping),
            "preview": ("<int:run_id>/preview/", require_GET(self.preview)),
            "start": ("<int:run_id>/start/", self.start),
            "progress": ("<int:run_id>/progress/", require_GET(self.progress)),
            "discard": ("<int:run_id>/discard/", self.discard),
        }
        return [
            *(
                path(route, self.admin_site.admin_view(view), name=f"accounts_importrun_{name}")
                for name, (route, view) in pages.items()
            ),
            *super().get_urls(),
        ]

    def run_for(self, request: HttpRequest, run_id: int) -> ImportRun:
        if not self.has_import_permission(request):
            raise PermissionDenied
        run = self.get_object(request, str(run_id))
        if run is None:
            raise Http404
        return run

    @action(
        description=_("Import a file"),
        icon="upload_file",
        variant=ActionVariant.PRIMARY,
        permissions=["import"],
    )
    def upload(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            initial = {key: request.GET[key] for key in ("mapping", "kind") if key in request.GET}
            form = UploadForm(initial={"as_of": clock.now().date()} | initial)
            return self.page(request, "upload", _("Import a file"), form=form)
        form = UploadForm(
            request.POST,
            request.FILES,
            was_too_large=getattr(request, "upload_was_too_large", False),
        )
        if form.is_valid():
            given = form.cleaned_data
            try:
                run = store_upload(
                    file=given["file"],
                    file_name=given["file"].name,
                    kind=given["kind"],
                    as_of=given["as_of"],
                    brand=given["brand"],
                    mapping=given["mapping"],
                    at=clock.now(),
                    actor=request.user,
                )
                return redirect("admin:accounts_importrun_mapping", run_id=run.pk)
            except DomainError as refusal:
                field = refusal.field if refusal.field in form.fields else None
                form.add_error(field, str(refusal))
        return self.page(request, "upload", _("Import a file"), form=form)

    @of_run
    def mapping(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        if not run.is_open:
            return self.to_run(run)
        content = run.mapping_content or {}
        sheet = request.POST.get("sheet", content.get("sheet", ""))
        with open_upload(run) as file:
            sample = read_sample(file=file, rows=SAMPLED, sheet=sheet)
        posted = request.POST if request.method == "POST" else None
        wish = request.POST.get("then", "")
        if sheet != request.POST.get("shown_sheet", sheet):
            posted, wish = None, ""
            guess = guessed_content(kind=run.kind, header=sample.header)
            content = content | guess | {"sheet": sheet}
            messages.info(request, _("The columns are those of the sheet that you have chosen."))
        form = MappingForm(
            posted,
            kind=run.kind,
            content=content,
            sample=sample,
            codes={
                "brand": [(brand.code, brand.name) for brand in Brand.objects.order_by("name")],
                "cancellation_reason": [
                    (reason.code, str(reason))
                    for reason in CancellationReason.objects.order_by("position", "code")
                ],
            },
            needs_brand=run.brand_id is None,
            translate=request.POST.get("translate", ""),
            as_it_is=request.POST.get("as_it_is", ""),
            is_draft=not wish,
        )
        if posted and wish and form.is_valid():
            try:
                return self._keep_mapping(request, run, form, wish)
            except DomainError as refusal:
                form.refuse(refusal.field, str(refusal))
        return self.page(
            request,
            "mapping",
            _("What the columns mean"),
            run=run,
            form=form,
            rows=form.rows(),
            sample=sample,
            shown_sheet=form["sheet"].value() if "sheet" in form.fields else None,
        )

    def _keep_mapping(
        self, request: HttpRequest, run: ImportRun, form: MappingForm, wish: str
    ) -> HttpResponse:
        given = {
            "run_id": run.pk,
            "mapping_content": form.mapping_content(),
            "save_as": form.cleaned_data["save_as"],
            "at": clock.now(),
            "actor": request.user,
        }
        if wish == "dry_run":
            queue_import(is_dry_run=True, **given)
            return self.to_run(run)
        map_upload(**given)
        page = "start" if wish == "import" else "preview"
        return redirect(f"admin:accounts_importrun_{page}", run_id=run.pk)

    @of_run
    def preview(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        if not run.is_open:
            return self.to_run(run)
        try:
            with open_upload(run) as file:
                preview = preview_feed(
                    file=file,
                    mapping=run.mapping_content or {},
                    as_of=run.as_of,
                    brand=run.brand.code if run.brand else None,
                    rows=PREVIEWED,
                )
        except FileIsGone:
            raise
        except DomainError as refusal:
            messages.error(request, str(refusal))
            return redirect("admin:accounts_importrun_mapping", run_id=run.pk)
        columns = [name for name in fields_of(run.kind) if name in run.mapping_content["fields"]]
        return self.page(
            request,
            "preview",
            _("The first rows as they would come in"),
            run=run,
            columns=columns,
            rows=[_previewed(row, columns) for row in preview.rows],
            bad_rows=sum(1 for row in preview.rows if row.problems),
        )

    @of_run
    def start(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        """Asks before the real import; a dry run is begun without asking."""
        if not run.is_open:
            return self.to_run(run)
        if request.method == "POST":
            try:
                queue_import(
                    run_id=run.pk,
                    is_dry_run="dry_run" in request.POST,
                    at=clock.now(),
                    actor=request.user,
                )
            except FileIsGone:
                raise
            except DomainError as refusal:
                messages.error(request, str(refusal))
                return redirect("admin:accounts_importrun_mapping", run_id=run.pk)
            return self.to_run(run)
        return self.page(request, "start", _("Import this file?"), run=run)

    @of_run
    def progress(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        """The piece of the run's page that is fetched again and again while it goes on."""
        if not run.is_under_way:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return TemplateResponse(
            request,
            "accounts/desk/_import_progress.html",
            {"original": run, "step": shown_step(run)},
        )

    @of_run
    def discard(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            discard_import(run_id=run.pk)
        except DomainError as refusal:
            messages.error(request, str(refusal))
            return self.to_run(run)
        messages.success(request, _("The file is thrown away."))
        return redirect("admin:accounts_importrun_changelist")

    def to_run(self, run: ImportRun) -> HttpResponse:
        return redirect("admin:accounts_importrun_change", object_id=run.pk)

    def page(self, request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
        return TemplateResponse(
            request,
            f"accounts/desk/import_{name}.html",
            {**self.admin_site.each_context(request), "title": title, "opts": self.opts, **context},
        )
