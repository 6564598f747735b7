"""Deeds done to the chosen rows of a list, after a page that says to how many."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.admin.options import IS_POPUP_VAR
from django.db import transaction
from django.db.models import QuerySet
from django.forms import Form, ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from unfold.forms import BaseDialogForm

from cxcrm.base import clock
from cxcrm.base.admin.dialogs import DialogForm
from cxcrm.base.deeds import deed_named
from cxcrm.base.enums import JobState
from cxcrm.base.errors import DomainError
from cxcrm.base.jobs import AT_ONCE, MOST, start_job

# No more digits than every bigint may have.
_KEY = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class BulkAction:
    """A registered deed offered below a list; the fields of `form` are its parameters.

    `to_ids` turns the chosen rows into the ids that the deed is for, where these are others.
    """

    deed: str
    form: type[BaseDialogForm] = DialogForm
    to_ids: Callable[[QuerySet], QuerySet] = lambda rows: rows.order_by("pk").values_list(
        "pk", flat=True
    )


class ActsInBulk:
    """Mixed into a `ModelAdmin` with a list: offers those of its `bulk_actions` that the user may
    do, to rows ticked or to the whole list."""

    actions = None
    bulk_actions: tuple[BulkAction, ...] = ()

    def get_actions(self, request: HttpRequest) -> dict[str, tuple]:
        if IS_POPUP_VAR in request.GET:
            return {}
        offered = [(action, deed_named(action.deed)) for action in self.bulk_actions]
        return {
            action.deed: (action, action.deed, deed.label)
            for action, deed in offered
            if request.user.has_perm(deed.permission)
        }

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # The list counts no further than its limit: how many it is stands on the next page.
        everything = {"selection_note_all": _("The whole list is chosen")}
        return super().changelist_view(request, everything | (extra_context or {}))

    def response_action(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        """Ask whether and how, then do it."""
        offered = self.get_actions(request)
        name = request.POST.get("action", "")
        if name not in offered:
            messages.warning(request, _("No action selected."))
            return redirect(request.get_full_path())
        action: BulkAction = offered[name][0]
        rows = self._chosen(request, queryset)
        ids = _ids(action, rows)
        # Of rows that are ticked, everybody knows which they are.
        extent = f"{len(ids)} {max(ids, default=0)}" if _is_everything(request) else ""
        has_changed = _is_answer(request) and request.POST.get("extent", "") != extent
        form = action.form(request, data=request.POST if _is_answer(request) else None)
        if _is_answer(request) and not has_changed and form.is_valid():
            try:
                job = start_job(
                    deed=action.deed,
                    ids=ids,
                    parameters=_parameters(form),
                    at=clock.now(),
                    actor=request.user,
                )
            except DomainError as refusal:
                form.add_error(refusal.field if refusal.field in form.fields else None, refusal)
            else:
                return _answer(request, job)
        total = len(ids)
        context = {
            **self.admin_site.each_context(request),
            "title": offered[name][2],
            "opts": self.opts,
            "form": form,
            "total": total,
            "in_background": total > AT_ONCE,
            "extent": extent,
            "has_changed": has_changed,
            "kept": [
                (key, value)
                for key in ("action", "select_across", helpers.ACTION_CHECKBOX_NAME)
                for value in request.POST.getlist(key)
            ],
            "back": request.get_full_path(),
        }
        return TemplateResponse(request, "base/bulk_action.html", context)

    def _chosen(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if _is_everything(request):
            return queryset
        ticked = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
        return queryset.filter(pk__in=[int(pk) for pk in ticked if _KEY.fullmatch(pk)])


def _is_answer(request: HttpRequest) -> bool:
    return "_form_submitted" in request.POST


def _is_everything(request: HttpRequest) -> bool:
    return request.POST.get("select_across") == "1"


def _ids(action: BulkAction, rows: QuerySet) -> list[int]:
    """One more than a job may have, if there are."""
    with transaction.atomic():
        return list(action.to_ids(rows)[: MOST + 1].iterator(chunk_size=10_000))


def _parameters(form: Form) -> dict[str, Any]:
    parameters = {}
    for name, field in form.fields.items():
        value = form.cleaned_data[name]
        if isinstance(field, ModelChoiceField):
            parameters[f"{name}_id"] = value.pk if value else None
        elif name != "_form_submitted":
            parameters[name] = value
    return parameters


def _answer(request: HttpRequest, job: Any) -> HttpResponse:
    if job.state != JobState.DONE or job.refused:
        return redirect("admin:base_job_change", object_id=job.pk)
    done = ngettext("Done: %(count)d row.", "Done: %(count)d rows.", job.done)
    messages.success(request, done % {"count": job.done})
    return redirect(request.get_full_path())
