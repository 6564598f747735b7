"""What agents see of outgoing mail."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from cxcrm.base.admin import ListView, ReadOnlyAdmin
from cxcrm.base.framing import shown_in_frame
from cxcrm.outbox.enums import MailState
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import RenderedMail, UnknownMailKind, render_mail


def in_state(state: MailState) -> ListView:
    return ListView(state.value, state.label, lambda mails, request: mails.filter(state=state))


def preview(mail: OutgoingMail) -> RenderedMail | None:
    """The mail; none where what it was about is gone and it never went out."""
    try:
        return render_mail(mail)
    except (UnknownMailKind, ObjectDoesNotExist):
        return None


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    views = (
        ListView("all", _("All"), lambda mails, request: mails),
        ListView(
            "waiting",
            _("Waiting"),
            lambda mails, request: mails.filter(state__in=MailState.LIVING),
            ("due_at", "id"),
        ),
        in_state(MailState.ACCEPTED),
        in_state(MailState.SUPPRESSED),
        in_state(MailState.FAILED),
    )
    list_display = (
        "address",
        "shown_subject",
        "shown_state",
        "planned_at",
        "finished_at",
        "attempt",
        "outcome",
    )
    list_select_related = ("address",)
    linked_lookups = ("account_id",)
    search_fields = ("address",)
    search_help_text = _("The whole e-mail address")
    fields = (
        ("address", "language"),
        ("state", "outcome"),
        ("attempt", "uncertain"),
        ("planned_at", "due_at"),
        ("finished_at", "worker"),
        ("kind", "subject_id"),
        ("occasion", "template_version"),
    )
    change_form_outer_before_template = "outbox/desk/mail.html"

    def get_urls(self) -> list[URLPattern]:
        html = self.admin_site.admin_view(shown_in_frame(self.html))
        return [
            path("<int:mail_id>/html/", html, name="outbox_outgoingmail_html"),
            *super().get_urls(),
        ]

    def html(self, request: HttpRequest, mail_id: int) -> HttpResponse:
        """The mail as its reader sees it, for the frame on the mail's page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        mail = self.get_object(request, str(mail_id))
        rendered = preview(mail) if mail else None
        if rendered is None:
            raise Http404
        return HttpResponse(rendered.html)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= {"rendered": preview(kwargs["obj"])}
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description=_("subject"))
    def shown_subject(self, mail: OutgoingMail) -> str:
        return mail.subject_line or mail.kind

    @display(
        description=_("state"),
        label={
            MailState.QUEUED: "info",
            MailState.CLAIMED: "info",
            MailState.SENDING: "info",
            MailState.ACCEPTED: "success",
            MailState.SUPPRESSED: "warning",
            MailState.FAILED: "danger",
        },
    )
    def shown_state(self, mail: OutgoingMail) -> tuple[str, str]:
        return mail.state, mail.get_state_display()
