"""Keys of integrations at the desk: made and replaced with their text shown once, and revoked."""

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from accounts.models import Brand
from cxcrm.api.enums import KeyState
from cxcrm.api.forms import KeyForm, ReplaceKeyForm
from cxcrm.api.models import ApiKey
from cxcrm.api.selectors import changes_of_key, scopes_in_words, uses_by_day
from cxcrm.api.services import (
    NewKey,
    PrefixTaken,
    change_key,
    make_key,
    revoke_key,
    rotate_key,
)
from cxcrm.base import clock
from cxcrm.base.admin import DeskModelAdmin, DialogForm, ListView, OffersFittingDeeds
from cxcrm.base.charts import line_chart
from cxcrm.base.links import absolute
from cxcrm.base.scopes import ResourceGroup, Verb

DAYS_OF_USE = 30
REPLACE = ActionDialog(
    title=_("Replace this key"),
    description=_(
        "A new key that may do the same takes over. Enter it in the other system before the old"
        " one ends."
    ),
    form_class=ReplaceKeyForm,
    form_submit_text=_("Make the new key"),
)
REVOKE = ActionDialog(
    title=_("Revoke this key"),
    description=_("Its next request is refused. It cannot be brought back."),
    form_class=DialogForm,
    form_submit_text=_("Revoke it"),
)
STATE_COLOURS = {
    KeyState.LIVE: "success",
    KeyState.EXPIRED: "warning",
    KeyState.REVOKED: "danger",
}


# What is asked for to try a key that may read the group.
EXAMPLES = {
    ResourceGroup.CUSTOMERS: "accounts/?limit=1",
    ResourceGroup.PRODUCTS: "products/?limit=1",
    ResourceGroup.CONTRACTS: "contracts/?limit=1",
    ResourceGroup.TASKS: "tasks/?limit=1",
    ResourceGroup.MAILS: "outgoing-mails/?limit=1",
}


def _readable(key: ApiKey) -> str:
    readable = (path for group, path in EXAMPLES.items() if key.may(Verb.READ, group))
    return next(readable, "schema/")


class BrandFilter(DropdownFilter):
    title = _("brand")
    parameter_name = "brand"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple]:
        return list(Brand.objects.order_by("name").values_list("code", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.for_brand(self.value()) if self.value() else queryset


@admin.register(ApiKey)
class ApiKeyAdmin(OffersFittingDeeds, DeskModelAdmin):
    form = KeyForm
    views = (
        ListView("live", _("In use"), lambda keys, request: keys.live(clock.now())),
        ListView("expired", _("Expired"), lambda keys, request: keys.expired(clock.now())),
        ListView("revoked", _("Revoked"), lambda keys, request: keys.revoked()),
        ListView("all", _("All"), lambda keys, request: keys),
    )
    list_display = (
        "name",
        "shown_prefix",
        "shown_scopes",
        "shown_brands",
        "expires_at",
        "shown_state",
        "last_used_at",
        "last_used_from",
    )
    export_fields = (
        "name",
        "shown_prefix",
        "exported_scopes",
        "shown_brands",
        "exported_networks",
        "requests_per_minute",
        "expires_at",
        "shown_state",
        "last_used_at",
        "last_used_from",
        "created_at",
        "created_by",
    )
    list_filter = (BrandFilter,)
    list_before_template = "api/desk/list_head.html"
    search_fields = ("name",)
    search_help_text = _("Words of the name, how the key begins")
    fieldsets = (
        (None, {"fields": ("name", "scopes")}),
        (_("For which brands"), {"fields": ("covers_all_brands", "brands")}),
        (
            _("Limits"),
            {"fields": ("networks", ("requests_per_minute", "expires_at"))},
        ),
    )
    change_form_outer_before_template = "api/desk/key.html"
    change_form_outer_after_template = "accounts/desk/_changes.html"
    actions_detail = ("replace", "revoke")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).prefetch_related("brands")

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple:
        """What cannot be changed any more, the facts above the form tell."""
        if obj is None:
            (_title, first), *others = self.fieldsets
            return ((None, {"fields": ("begins_with", *first["fields"])}), *others)
        return self.fieldsets if obj.may_change else ()

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        may_change = obj is None or obj.may_change
        return may_change and super().has_change_permission(request, obj)

    def unfit_deeds(self, row: ApiKey) -> Collection[str]:
        state = row.state_at(clock.now())
        if state == KeyState.REVOKED:
            return self.actions_detail
        return {"replace"} if state == KeyState.EXPIRED or row.replaced_by_id else ()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        key = kwargs.get("obj")
        context["show_save_and_add_another"] = False
        if key is None:
            # The page after this one shows the key.
            context["show_save_and_continue"] = False
        else:
            context |= self._facts(key)
        return super().render_change_form(request, context, *args, **kwargs)

    def _facts(self, key: ApiKey) -> dict[str, Any]:
        now = clock.now()
        days = uses_by_day(key, today=now.date(), days=DAYS_OF_USE)
        is_used = any(day.requests for day in days)
        return {
            "changes": changes_of_key(key),
            "key_state": key.state_at(now),
            "scopes": scopes_in_words(key.scopes),
            "brands": self.shown_brands(key),
            "replaces": ApiKey.objects.filter(replaced_by=key).first(),
            "days": days[::-1] if is_used else [],
            "chart": is_used and line_chart([(day.day, Decimal(day.requests)) for day in days]),
        }

    # --- Writing. The text of a new key stands in the answer to the form and nowhere else.

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A form that is sent again, as by reloading the page with the key or by a second click,
        makes no second."""
        sent_before = ApiKey.objects.filter(prefix=request.POST.get("begins_with", ""))
        if not sent_before.exists():
            try:
                return super().add_view(request, form_url, extra_context)
            except PrefixTaken:  # by the same form, in the same moment
                pass
        messages.warning(request, _("This key is made. Its text is not shown again."))
        return redirect("admin:api_apikey_change", sent_before.get().pk)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: Any) -> None:
        if change:
            change_key(key_id=obj.pk, **form.details(), at=clock.now())
            return
        new = make_key(
            **form.details(),
            prefix=form.cleaned_data["begins_with"],
            at=clock.now(),
            actor=request.user,
        )
        obj.pk, obj.prefix = new.key.pk, new.key.prefix
        request.new_key = new

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Brands are written together with the key."""

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._show_once(request, request.new_key)

    def _show_once(self, request: HttpRequest, new: NewKey) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("The new key"),
            "key": new.key,
            "text": new.text,
            "address": absolute(f"/api/v1/{_readable(new.key)}"),
        }
        if "HX-Request" not in request.headers:
            return render(request, "api/desk/new_key.html", context)
        # In place of the whole dialog, and not only of the fields in it.
        headers = {"HX-Retarget": "#dialog", "HX-Reselect": "#dialog", "HX-Reswap": "outerHTML"}
        dialog = render_to_string("api/desk/new_key_dialog.html", context, request)
        return HttpResponse(dialog, headers=headers)

    @action(
        description=_("Replace"),
        icon="autorenew",
        permissions=["api.change_apikey"],
        dialog=REPLACE,
    )
    def replace(self, request: HttpRequest, form: ReplaceKeyForm, object_id: str) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=REPLACE,
            act=lambda key: rotate_key(
                key_id=key.pk,
                overlap=form.cleaned_data["overlap"],
                at=clock.now(),
                actor=request.user,
            ),
            answer=lambda new: self._show_once(request, new),
        )

    @action(description=_("Revoke"), icon="block", permissions=["api.change_apikey"], dialog=REVOKE)
    def revoke(self, request: HttpRequest, form: DialogForm, object_id: str) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=REVOKE,
            act=lambda key: revoke_key(key_id=key.pk, at=clock.now()),
            done=_("The key is revoked: its next request is refused."),
        )

    @display(description=_("begins with"))
    def shown_prefix(self, key: ApiKey) -> str:
        return f"cx_{key.prefix}_…"

    @display(description=_("scopes"))
    def shown_scopes(self, key: ApiKey) -> str:
        lines = format_html_join(
            "", "<div>{}</div>", [(line,) for line in scopes_in_words(key.scopes)]
        )
        return format_html("<div>{}</div>", lines)

    @display(description=_("scopes"))
    def exported_scopes(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @display(description=_("brands"))
    def shown_brands(self, key: ApiKey) -> str:
        if key.covers_all_brands:
            return str(_("All brands"))
        return ", ".join(sorted(brand.name for brand in key.brands.all()))

    @display(description=_("addresses"))
    def exported_networks(self, key: ApiKey) -> str:
        return ", ".join(key.networks)

    @display(description=_("state"), label=STATE_COLOURS)
    def shown_state(self, key: ApiKey) -> tuple[str, str]:
        state = key.state_at(clock.now())
        return state, state.label
