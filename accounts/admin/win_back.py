from django.conf import settings
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from accounts.admin.links import account_link
from accounts.admin.opening_tasks import OpensTasks
from accounts.forms.desk import AddTaskForm
from accounts.models import LostAccount
from accounts.selectors.lost_accounts import lost_accounts, may_be_written_to
from accounts.services import deeds
from cxcrm.base.admin import BulkAction, ListView, ReadOnlyAdmin
from cxcrm.outbox.enums import MailClass

NEWEST = ("-lost_on", "-id")


@admin.register(LostAccount)
class LostAccountAdmin(OpensTasks, ReadOnlyAdmin):
    views = (
        ListView("newest", _("Newest first"), lambda accounts, request: accounts, NEWEST),
        ListView(
            "money",
            _("Most money first"),
            lambda accounts, request: accounts,
            (F("lost_arr").desc(nulls_last=True), "-id"),
        ),
        ListView(
            "permitted",
            _("May be written to"),
            lambda accounts, request: may_be_written_to(accounts),
            NEWEST,
        ),
    )
    list_display = (
        "external_id",
        "shown_account",
        "lost_on",
        "shown_lost_arr",
        "shown_reason",
        "account_manager",
        "shown_permission",
    )
    export_fields = (
        "external_id",
        "name",
        "lost_on",
        "lost_arr",
        "shown_reason",
        "account_manager",
        "shown_permission",
    )
    list_select_related = ("brand", "account_manager")
    list_filter = (("brand", RelatedDropdownFilter),)
    search_fields = ("external_id",)
    search_help_text = _("Name, customer number, contract number, e-mail")
    fields = (
        ("shown_account", "brand"),
        ("lost_on", "shown_lost_arr"),
        ("shown_reason", "shown_permission"),
        "account_manager",
    )
    readonly_fields = ("shown_account", "shown_lost_arr", "shown_reason", "shown_permission")
    actions_detail = ("add_task",)
    bulk_actions = (BulkAction(deeds.OPEN_TASKS, AddTaskForm),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LostAccount]:
        return lost_accounts().select_related(*self.list_select_related)

    def task_subject(self, row: LostAccount) -> dict[str, int]:
        return {"account_id": row.pk}

    @display(description=_("account"))
    def shown_account(self, account: LostAccount) -> str:
        return account_link(account)

    @display(description=_("lost ARR"), ordering="lost_arr")
    def shown_lost_arr(self, account: LostAccount) -> str:
        if account.lost_arr is None:
            hint = _("A rate into the reporting currency is missing for that day.")
            return format_html('<span title="{0}">– <span class="sr-only">{0}</span></span>', hint)
        return f"{localize(round(account.lost_arr, 2))} {settings.CXCRM_REPORTING_CURRENCY}"

    @display(description=_("reason"), empty_value="–")
    def shown_reason(self, account: LostAccount) -> str | None:
        return account.reason

    @display(description=_("may be written for"), empty_value="–")
    def shown_permission(self, account: LostAccount) -> str | None:
        return ", ".join(str(MailClass(name).label) for name in account.mail_classes) or None
