"""What agents see of outgoing mail."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from cxcrm.base.admin import ListView, ReadOnlyAdmin
from cxcrm.base.framing import shown_in_frame
from cxcrm.outbox.admin.sending import HoldsMails
from cxcrm.outbox.enums import MailReason, MailState
from cxcrm.outbox.models import MailBounce, OutgoingMail
from cxcrm.outbox.services import RenderedMail, UnknownMailKind, mail_kind, render_mail


def in_state(state: MailState) -> ListView:
    return ListView(state.value, state.label, lambda mails, request: mails.filter(state=state))


def came_back(mails: QuerySet[OutgoingMail], request: HttpRequest) -> QuerySet[OutgoingMail]:
    """By what came back, which is little; the mails themselves have no index for it."""
    bounces = MailBounce.objects.filter(mail_id__isnull=False)
    return mails.filter(pk__in=bounces.values("mail_id"))


class ReasonFilter(DropdownFilter):
    """Within the states that have a reason, which are indexed."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: ReadOnlyAdmin) -> list[tuple]:
        return MailReason.choices

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[OutgoingMail]
    ) -> QuerySet[OutgoingMail]:
        reason = self.value()
        if reason not in MailReason.values:
            return queryset
        states = (MailState.SUPPRESSED, MailState.FAILED)
        if reason == MailReason.UNCERTAIN:
            states = (*MailState.LIVING, MailState.FAILED)
        elif reason in MailReason.WAITING:
            states = MailState.LIVING
        return queryset.filter(reason=reason, state__in=states)


def preview(mail: OutgoingMail) -> RenderedMail | None:
    """The mail; none where what it was about is gone and it never went out."""
    try:
        return render_mail(mail)
    except (UnknownMailKind, ObjectDoesNotExist):
        return None


@admin.register(OutgoingMail)
class OutgoingMailAdmin(HoldsMails, ReadOnlyAdmin):
    views = (
        ListView("all", _("All"), lambda mails, request: mails),
        ListView(
            "waiting",
            _("Waiting"),
            lambda mails, request: mails.filter(state__in=MailState.LIVING),
            ("due_at", "id"),
        ),
        ListView(
            "uncertain",
            _("Uncertain"),
            lambda mails, request: mails.filter(state__in=MailState.LIVING, uncertain__gt=0),
            ("due_at", "id"),
        ),
        in_state(MailState.ACCEPTED),
        ListView("came-back", _("Came back"), came_back),
        in_state(MailState.SUPPRESSED),
        in_state(MailState.FAILED),
    )
    list_display = (
        "address",
        "shown_subject",
        "shown_state",
        "shown_outcome",
        "planned_at",
        "finished_at",
    )
    export_fields = (
        "address__address",
        "shown_kind",
        "mail_class",
        "language",
        "subject_line",
        "state",
        "reason",
        "outcome",
        "relay",
        "planned_at",
        "finished_at",
        "attempt",
        "bounced_at",
    )
    list_select_related = ("address",)
    list_filter = (ReasonFilter,)
    linked_lookups = ("account_id",)
    search_fields = ("address",)
    search_help_text = _("The whole e-mail address")
    fields = (
        ("address", "language"),
        ("shown_kind", "mail_class"),
        ("state", "reason"),
        ("outcome", "bounced_at"),
        ("relay", "provider_id"),
        ("attempt", "uncertain"),
        ("planned_at", "due_at"),
        ("finished_at", "useful_until"),
        ("time_zone", "worker"),
        ("subject_id", "occasion"),
        ("template_version",),
    )
    readonly_fields = ("shown_kind",)
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

    @display(description=_("kind"))
    def shown_kind(self, mail: OutgoingMail) -> str:
        try:
            return str(mail_kind(mail.kind).label)
        except UnknownMailKind:
            return mail.kind

    @display(description=_("outcome"))
    def shown_outcome(self, mail: OutgoingMail) -> str:
        """Why it waits or did not go, else what the relay said; what came back goes before."""
        came_back = str(_("Came back")) if mail.bounced_at else ""
        said = (came_back, mail.get_reason_display(), mail.outcome)
        return ": ".join(part for part in said if part)

    @display(description=_("subject"))
    def shown_subject(self, mail: OutgoingMail) -> str:
        return mail.subject_line or self.shown_kind(mail)

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
