from datetime import date, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from accounts.admin.cancelling import CancelsContracts
from accounts.admin.changes import TrackedAdmin
from accounts.admin.links import account_link
from accounts.admin.opening_tasks import OpensTasks
from accounts.admin.price_changes import ChangesPrices
from accounts.enums import ContractState
from accounts.models import Contract, Product
from accounts.rules.ends import end_if_cancelled
from accounts.selectors.accounts import contract_line
from accounts.selectors.contracts import contract_overview
from accounts.selectors.policies import unserved
from accounts.selectors.prices import next_price, with_next_price_change
from accounts.services.contracts import day_of
from accounts.services.reminder_texts import RENEWAL_REMINDER
from cxcrm.base import clock
from cxcrm.base.admin import ListView, OffersFittingDeeds

STATE_COLOURS = {
    ContractState.ORDERED: "info",
    ContractState.RUNNING: "success",
    ContractState.ENDED: "default",
    ContractState.WITHDRAWN: "default",
}


def renewing_within(days: int) -> ListView:
    def narrow(contracts: QuerySet[Contract], request: HttpRequest) -> QuerySet[Contract]:
        today = clock.now().date()
        return contracts.filter(
            state=ContractState.RUNNING,
            renewal_date__range=(today, today + timedelta(days)),
        )

    return ListView(
        f"renewing-{days}",
        format_lazy(_("Renewing in {days} days"), days=days),
        narrow,
        ("renewal_date", "id"),
    )


class TermFilter(DropdownFilter):
    title = _("term")
    parameter_name = "term"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple]:
        return [("rolling", _("Rolling: renews all the time")), ("fixed", _("Fixed term"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contract]) -> QuerySet[Contract]:
        if self.value() and request.GET.get("show") == "ended":
            return queryset.none()  # none of them has a term; looking for one reads them all
        match self.value():
            case "rolling":
                return queryset.rolling()
            case "fixed":
                return queryset.fixed()
        return queryset


class ProductFamilyFilter(DropdownFilter):
    title = _("product family")
    parameter_name = "family"

    def lookups(self, request: HttpRequest, model_admin) -> list[tuple]:
        families = Product.objects.order_by("family").values_list("family", flat=True).distinct()
        return [(family, family) for family in families]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contract]) -> QuerySet[Contract]:
        return queryset.filter(product__family=self.value()) if self.value() else queryset


@admin.register(Contract)
class ContractAdmin(CancelsContracts, ChangesPrices, OpensTasks, OffersFittingDeeds, TrackedAdmin):
    views = (
        ListView("all", _("All"), lambda contracts, request: contracts),
        renewing_within(7),
        renewing_within(45),
        renewing_within(90),
        ListView(
            "under-notice",
            _("Under notice"),
            lambda contracts, request: contracts.under_notice(),
            (F("ends_on").asc(nulls_first=True), "id"),
        ),
        ListView(
            "ordered",
            _("Ordered"),
            lambda contracts, request: contracts.filter(state=ContractState.ORDERED),
            ("starts_on", "id"),
        ),
        ListView(
            "running",
            _("Running"),
            lambda contracts, request: contracts.filter(state=ContractState.RUNNING),
        ),
        ListView(
            "ended",
            _("Ended"),
            lambda contracts, request: contracts.filter(state=ContractState.ENDED),
        ),
        ListView(
            "unserved",
            _("No policy"),
            lambda contracts, request: unserved(contracts),
            ("renewal_date", "id"),
        ),
    )
    list_display = (
        "external_id",
        "shown_account",
        "shown_product",
        "shown_state",
        "renewal_date",
        "notice_deadline",
        "shown_earliest_end",
        "ends_on",
    )
    export_fields = (
        "external_id",
        "account",
        "account__external_id",
        "brand",
        "product",
        "state",
        "concluded_on",
        "starts_on",
        "first_term_months",
        "after_term",
        "renewal_term_months",
        "notice_months",
        "notice_days",
        "renewal_date",
        "notice_deadline",
        "ends_on",
        "price",
        "renewal_price",
        "currency",
        "billing_period_months",
        "tax_rate",
        "is_trial",
    )
    list_select_related = ("account", "brand", "product")
    list_filter = (("brand", RelatedDropdownFilter), ProductFamilyFilter, TermFilter)
    linked_lookups = ("account",)
    search_fields = ("external_id",)
    search_help_text = _("Contract number, customer number")
    fieldsets = (
        (
            _("All terms"),
            {
                "classes": ["collapse"],
                "fields": (
                    ("external_id", "brand"),
                    ("concluded_on", "starts_on"),
                    ("first_term_months", "after_term", "renewal_term_months"),
                    ("notice_months", "notice_days"),
                    ("price", "renewal_price"),
                    ("currency", "billing_period_months", "tax_rate"),
                ),
            },
        ),
    )
    change_form_outer_before_template = "accounts/desk/contract.html"
    actions_detail = (
        "cancel",
        "decide_last_day",
        "take_back",
        "announce_price_change",
        "call_off_price_change",
        "add_task",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contract]:
        return with_next_price_change(super().get_queryset(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Contract | None = None) -> bool:
        return False

    def task_subject(self, row: Contract) -> dict[str, int]:
        return {"account_id": row.account_id, "contract_id": row.pk}

    def page_context(self, request: HttpRequest, obj: Contract) -> dict[str, Any]:
        today = day_of(obj.account, clock.now())
        return {"overview": contract_overview(obj, on=today, mail_kind=RENEWAL_REMINDER)}

    def unfit_deeds(self, row: Contract) -> set[str]:
        return self.ends_that_do_not_fit(row) | self.price_changes_that_do_not_fit(row)

    @display(description=_("account"))
    def shown_account(self, contract: Contract) -> str:
        return account_link(contract.account)

    @display(description=_("product"), header=True)
    def shown_product(self, contract: Contract) -> tuple[str, str]:
        account = contract.account
        today = day_of(account, clock.now())
        line = contract_line(contract, account, on=today, ahead=next_price(contract))
        terms = render_to_string("accounts/desk/_short_terms.html", {"line": line})
        return contract.product.name, terms

    @display(description=_("earliest end"))
    def shown_earliest_end(self, contract: Contract) -> date | None:
        """If the customer cancelled today."""
        return end_if_cancelled(contract, on=day_of(contract.account, clock.now()))

    @display(description=_("state"), label=STATE_COLOURS)
    def shown_state(self, contract: Contract) -> tuple[str, str]:
        return contract.state, contract.get_state_display()
