"""What agents see of outgoing mail and of the addresses it goes to."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from cxcrm.base.admin import DialogForm, ListView, ReadOnlyAdmin
from cxcrm.base.framing import shown_in_frame
from cxcrm.outbox.enums import MailState
from cxcrm.outbox.models import MailAddress, MailPermission, OutgoingMail
from cxcrm.outbox.services import RenderedMail, UnknownMailKind, render_mail, revive_address

REVIVE = ActionDialog(
    title=_("This address works"),
    description=_("Mail goes there again. Only where you know that the bounce was a mistake."),
    form_class=DialogForm,
    form_submit_text=_("Write to it again"),
)


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


class MailPermissionInline(TabularInline):
    """Kept by the services that ask for, import and take back permissions."""

    model = MailPermission
    extra = 0
    hide_title = True
    fields = ("mail_class", "basis", "source", "granted_at", "objected_at")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: MailAddress | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: MailAddress | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: MailAddress | None = None) -> bool:
        return False


@admin.register(MailAddress)
class MailAddressAdmin(ReadOnlyAdmin):
    views = (
        ListView("all", _("All"), lambda addresses, request: addresses),
        ListView(
            "bounced",
            _("Bounced"),
            lambda addresses, request: addresses.filter(bounced_at__isnull=False),
            ("-bounced_at", "-id"),
        ),
    )
    list_display = ("address", "shown_state", "bounced_at", "bounce_reason", "complained_at")
    search_fields = ("address",)
    search_help_text = _("The whole e-mail address")
    fields = ("address", ("bounced_at", "complained_at"), "bounce_reason")
    inlines = (MailPermissionInline,)
    actions_detail = ("revive",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[MailAddress], search_term: str
    ) -> tuple[QuerySet[MailAddress], bool]:
        text = search_term.strip().lower()
        return (queryset.filter(address=text) if text else queryset), False

    def has_revive_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("outbox.revive_mailaddress")

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list:
        """Only an address that has bounced can be revived."""
        address = self.get_object(request, object_id)
        if address is None or address.bounced_at is None:
            return []
        return super().get_actions_detail(request, object_id)

    @action(
        description=_("This address works"),
        icon="mark_email_read",
        permissions=["revive"],
        dialog=REVIVE,
    )
    def revive(self, request: HttpRequest, form: DialogForm, object_id: str) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=REVIVE,
            act=lambda address: revive_address(address_id=address.pk),
            done=_("Mail goes to this address again."),
        )

    @display(description=_("state"), label={"living": "success", "bounced": "danger"})
    def shown_state(self, address: MailAddress) -> tuple[str, str]:
        return ("bounced", _("Bounced")) if address.bounced_at else ("living", _("Living"))
