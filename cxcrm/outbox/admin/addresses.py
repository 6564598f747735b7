"""What agents see of the addresses that mail goes to."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from cxcrm.base.admin import DialogForm, ListView, ReadOnlyAdmin
from cxcrm.outbox.models import MailAddress, MailPermission
from cxcrm.outbox.services import revive_address

REVIVE = ActionDialog(
    title=_("This address works"),
    description=_("Mail goes there again. Only where you know that the bounce was a mistake."),
    form_class=DialogForm,
    form_submit_text=_("Write to it again"),
)


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
