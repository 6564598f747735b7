from datetime import date
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from accounts.admin.changes import TrackedAdmin
from accounts.admin.links import account_link
from accounts.admin.opening_tasks import OpensTasks
from accounts.forms.desk import AccountForm, AccountManagerForm, AddTaskForm, ContactForm
from accounts.models import Account, Contact
from accounts.selectors.accounts import account_overview
from accounts.services import deeds
from accounts.services.contracts import day_of
from accounts.services.customers import keep_account, keep_contact
from cxcrm.base import clock
from cxcrm.base.admin import BulkAction, ListView


@admin.register(Account)
class AccountAdmin(OpensTasks, TrackedAdmin):
    form = AccountForm
    views = (
        ListView("all", _("All"), lambda accounts, request: accounts),
        ListView(
            "mine",
            _("Managed by me"),
            lambda accounts, request: accounts.filter(account_manager=request.user),
        ),
        ListView(
            "high-value",
            _("High value"),
            lambda accounts, request: accounts.filter(is_high_value=True),
            ("-arr", "-id"),
        ),
    )
    list_display = (
        "name",
        "external_id",
        "brand",
        "customer_kind",
        "segment",
        "country",
        "account_manager",
    )
    export_fields = (
        "name",
        "external_id",
        "brand",
        "customer_kind",
        "segment",
        "country",
        "region",
        "language",
        "time_zone",
        "account_manager",
        "arr",
        "is_high_value",
        "created_at",
    )
    list_select_related = ("brand", "account_manager")
    list_filter = (
        ("brand", RelatedDropdownFilter),
        ("customer_kind", ChoicesDropdownFilter),
        ("segment", ChoicesDropdownFilter),
        ("country", ChoicesDropdownFilter),
        ("account_manager", RelatedDropdownFilter),
    )
    search_fields = ("external_id",)
    search_help_text = _("Name, customer number, contract number, e-mail")
    fieldsets = (
        (
            _("Edit details"),
            {
                "classes": ["collapse"],
                "description": _(
                    "The country, region and time zone say when reminders of renewals go."
                    " A reminder whose day has passed by a change goes at once."
                ),
                "fields": (
                    ("name", "segment"),
                    ("language", "time_zone"),
                    ("country", "region"),
                    "account_manager",
                ),
            },
        ),
    )
    change_form_outer_before_template = "accounts/desk/account.html"
    actions_detail = ("add_task",)
    bulk_actions = (
        BulkAction(deeds.OPEN_TASKS, AddTaskForm),
        BulkAction(deeds.ASSIGN_ACCOUNTS, AccountManagerForm),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Account, form: AccountForm, change) -> None:
        keep_account(account=obj, at=clock.now())

    def response_post_save_change(self, request: HttpRequest, obj: Account) -> HttpResponse:
        return redirect("admin:accounts_account_change", obj.pk)

    def task_subject(self, row: Account) -> dict[str, int]:
        return {"account_id": row.pk}

    def page_context(self, request: HttpRequest, obj: Account) -> dict[str, Any]:
        today = day_of(obj, clock.now())
        return {
            "overview": account_overview(
                obj,
                on=today,
                revenue_on=_day_asked_for(request) or today,
                with_mails=request.user.has_perm("outbox.view_outgoingmail"),
            )
        }


def _day_asked_for(request: HttpRequest) -> date | None:
    try:
        return date.fromisoformat(request.GET.get("on", ""))
    except ValueError:
        return None


@admin.register(Contact)
class ContactAdmin(TrackedAdmin):
    form = ContactForm
    list_display = ("name", "shown_account", "shown_role", "address", "phone")
    export_fields = (
        "name",
        "account",
        "account__external_id",
        "role",
        "address",
        "phone",
        "language",
        "may_decide",
        "external_id",
    )
    list_select_related = ("account", "address")
    list_filter = (("role", ChoicesDropdownFilter),)
    linked_lookups = ("account",)
    search_fields = ("name",)
    search_help_text = _("Name, e-mail, customer number")
    autocomplete_fields = ("account",)
    fields = (
        "account",
        ("name", "role"),
        ("email", "phone"),
        ("language", "may_decide"),
        "external_id",
    )

    def get_fields(self, request: HttpRequest, obj: Contact | None = None) -> tuple:
        return (*self.fields, "mail_page") if obj and obj.address_id else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Contact | None = None) -> tuple:
        """A person does not move to another customer."""
        return ("account", "mail_page") if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Contact, form: ContactForm, change: Any
    ) -> None:
        keep_contact(contact=obj, address=form.cleaned_data["email"] or None)

    def response_post_save_add(self, request: HttpRequest, obj: Contact) -> HttpResponse:
        return redirect("admin:accounts_account_change", obj.account_id)

    response_post_save_change = response_post_save_add

    @display(description=_("account"))
    def shown_account(self, contact: Contact) -> str:
        return account_link(contact.account)

    @display(description=_("Mail"))
    def mail_page(self, contact: Contact) -> str:
        url = reverse("admin:outbox_mailaddress_change", args=[contact.address_id])
        return format_html('<a href="{}">{}</a>', url, _("Permissions, objections and bounces"))

    @display(description=_("role"), label=True)
    def shown_role(self, contact: Contact) -> str:
        return contact.get_role_display()
