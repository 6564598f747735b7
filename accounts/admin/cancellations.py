from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display

from accounts.admin.changes import TrackedAdmin
from accounts.admin.links import account_link, contract_link
from accounts.models import Cancellation, CancellationReason
from accounts.selectors.cancellations import reasons
from accounts.services.receipts import PARTS, render_receipt
from cxcrm.base.admin import ListView, ReadOnlyAdmin
from cxcrm.base.framing import shown_in_frame


class ReasonFilter(DropdownFilter):
    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple]:
        return [(str(reason.pk), str(reason)) for reason in reasons()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Cancellation]
    ) -> QuerySet[Cancellation]:
        value = self.value()
        return queryset.filter(reason=value) if value and value.isdecimal() else queryset


@admin.register(Cancellation)
class CancellationAdmin(TrackedAdmin, ReadOnlyAdmin):
    views = (
        ListView(
            "to-decide",
            _("To be decided"),
            lambda cancellations, request: cancellations.to_decide(),
            ("received_at", "id"),
        ),
        ListView(
            "standing",
            _("Standing"),
            lambda cancellations, request: cancellations.standing(),
        ),
        ListView(
            "taken-back",
            _("Taken back"),
            lambda cancellations, request: cancellations.filter(taken_back_at__isnull=False),
        ),
        ListView("all", _("All"), lambda cancellations, request: cancellations),
    )
    list_display = (
        "received_at",
        "shown_contract",
        "shown_account",
        "kind",
        "reason",
        "shown_last_day",
        "shown_state",
    )
    export_fields = (
        "received_at",
        "contract__external_id",
        "contract__account__name",
        "contract__account__external_id",
        "kind",
        "origin",
        "reason",
        "wished_on",
        "effective_on",
        "comment",
        "entered_by",
        "entered_at",
        "taken_back_at",
        "taken_back_by",
    )
    list_select_related = ("contract__account", "reason", "entered_by", "taken_back_by")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("origin", ChoicesDropdownFilter),
        ReasonFilter,
    )
    linked_lookups = ("contract",)
    search_fields = ("contract__external_id",)
    search_help_text = _("Contract number, customer number")
    fieldsets = (
        (
            _("All details"),
            {
                "classes": ["collapse"],
                "fields": (
                    ("kind", "origin"),
                    ("received_at", "wished_on"),
                    ("effective_on", "reason"),
                    ("entered_by", "entered_at"),
                    ("taken_back_by", "taken_back_at"),
                ),
            },
        ),
    )
    change_form_outer_before_template = "accounts/desk/cancellation.html"

    def get_urls(self) -> list[URLPattern]:
        receipt = self.admin_site.admin_view(shown_in_frame(self.receipt))
        return [
            path(
                "<int:cancellation_id>/receipt/<slug:part>/",
                receipt,
                name="accounts_cancellation_receipt",
            ),
            *super().get_urls(),
        ]

    def receipt(self, request: HttpRequest, cancellation_id: int, part: str) -> HttpResponse:
        """A receipt as the customer reads it, for the frame on the page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        cancellation = self.get_object(request, str(cancellation_id))
        rendered = render_receipt(cancellation, part=part) if cancellation else None
        if rendered is None:
            raise Http404
        return HttpResponse(rendered.html)

    def page_context(self, request: HttpRequest, obj: Cancellation) -> dict[str, Any]:
        rendered = [(part, render_receipt(obj, part=part)) for part in PARTS]
        return {"receipts": [(part, receipt) for part, receipt in rendered if receipt]}

    @display(description=_("contract"))
    def shown_contract(self, cancellation: Cancellation) -> str:
        return contract_link(cancellation.contract)

    @display(description=_("account"))
    def shown_account(self, cancellation: Cancellation) -> str:
        return account_link(cancellation.contract.account)

    @display(description=_("last day"), label={"open": "danger", "decided": "default"})
    def shown_last_day(self, cancellation: Cancellation) -> tuple[str, str]:
        if cancellation.effective_on is None:
            return "open", _("to be decided")
        return "decided", date_format(cancellation.effective_on, "DATE_FORMAT")

    @display(description=_("state"), label={"stands": "warning", "taken back": "default"})
    def shown_state(self, cancellation: Cancellation) -> tuple[str, str]:
        return ("stands", _("stands")) if cancellation.stands else ("taken back", _("taken back"))


@admin.register(CancellationReason)
class CancellationReasonAdmin(TrackedAdmin):
    views = (
        ListView(
            "offered",
            _("Offered"),
            lambda reasons, request: reasons.filter(is_offered=True),
            ("position", "id"),
        ),
        ListView("all", _("All"), lambda reasons, request: reasons, ("position", "id")),
    )
    list_display = ("shown_name", "code", "is_offered", "position")
    search_fields = ("code", "name_en")
    fields = (
        ("code", "position", "is_offered"),
        ("name_en", "name_de"),
        ("name_fr", "name_es"),
    )

    def get_readonly_fields(
        self, request: HttpRequest, obj: CancellationReason | None = None
    ) -> tuple:
        """Feeds name reasons by their code."""
        return ("code",) if obj else ()

    @display(description=_("name"))
    def shown_name(self, reason: CancellationReason) -> str:
        return str(reason)
