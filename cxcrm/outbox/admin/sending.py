"""The page on which all mails are held or released."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cxcrm.base import clock
from cxcrm.base.admin import MomentField
from cxcrm.base.errors import DomainError
from cxcrm.outbox.selectors import delivery_state, waiting_mails
from cxcrm.outbox.services import hold_mails, mail_kind_label, release_mails


class ReleaseForm(forms.Form):
    discard_planned_before = MomentField(
        label=_("Discard those planned before"),
        required=False,
        help_text=_(
            "In UTC. After a restore: when the server that was replaced sent its last mails. What "
            "was planned before has probably reached its readers. Reminders that were due before "
            "and are not decided here are held for somebody to decide. Empty: discard and hold "
            "none."
        ),
    )


class HoldsMails:
    """Mixed into the list of outgoing mails: says above it where they are on hold, and has the
    page `sending/`."""

    list_before_template = "outbox/desk/list_head.html"

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.sending_page)
        return [path("sending/", page, name="outbox_sending"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, {"sending": delivery_state(), **(extra_context or {})}
        )

    def sending_page(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("outbox.hold_mails"):
            raise PermissionDenied
        form = ReleaseForm(request.POST or None)
        if request.method == "POST" and self._act(request, form):
            return redirect("admin:outbox_sending")
        waiting = waiting_mails()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Sending"),
            "form": form,
            "sending": delivery_state(),
            "waiting": [
                {"label": mail_kind_label(row.kind), "mails": row.mails, "since": row.planned_first}
                for row in waiting
            ],
            "total": sum(row.mails for row in waiting),
        }
        return TemplateResponse(request, "outbox/desk/sending.html", context)

    def _act(self, request: HttpRequest, form: ReleaseForm) -> bool:
        """Hold or release; what was wrong stands in the form."""
        if not form.is_valid():
            return False
        try:
            if request.POST.get("deed") == "release":
                released = release_mails(
                    actor=request.user,
                    at=clock.now(),
                    discard_planned_before=form.cleaned_data["discard_planned_before"],
                )
                discarded, held_back = released.discarded, released.held_back
                messages.success(request, _("Mails leave again."))
                if discarded:
                    told = ngettext(
                        "%(count)d mail was discarded.",
                        "%(count)d mails were discarded.",
                        discarded,
                    )
                    messages.success(request, told % {"count": discarded})
                if held_back:
                    told = ngettext(
                        "%(count)d reminder is held for somebody to decide.",
                        "%(count)d reminders are held for somebody to decide.",
                        held_back,
                    )
                    messages.success(request, told % {"count": held_back})
            else:
                hold_mails(actor=request.user, at=clock.now())
                messages.success(request, _("Mails are on hold."))
        except DomainError as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
            return False
        return True
