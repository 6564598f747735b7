"""Providers of mailboxes that are sent to slowly."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cxcrm.base.admin import DeskModelAdmin
from cxcrm.outbox.forms import DomainLimitForm
from cxcrm.outbox.models import RecipientDomain
from cxcrm.outbox.services.delivery.throttle import keep_limit, lift_limit


@admin.register(RecipientDomain)
class RecipientDomainAdmin(DeskModelAdmin):
    form = DomainLimitForm
    list_before_template = "outbox/desk/limits_head.html"
    list_display = ("domain", "mails_per_minute")
    search_fields = ("domain",)
    search_help_text = _("Domain, like gmail.com")
    ordering = ("domain",)
    fields = (("domain", "mails_per_minute"),)

    def save_model(
        self, request: HttpRequest, obj: RecipientDomain, form: DomainLimitForm, change: Any
    ) -> None:
        keep_limit(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A limit is a setting and no record: without it mails go as fast as to anybody."""
        return request.user.has_perm("outbox.delete_recipientdomain")

    def delete_model(self, request: HttpRequest, obj: RecipientDomain) -> None:
        lift_limit(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RecipientDomain]) -> None:
        for limit in queryset:
            lift_limit(limit)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RecipientDomain], search_term: str
    ) -> tuple[QuerySet[RecipientDomain], bool]:
        text = search_term.strip().lower()
        return (queryset.filter(domain=text) if text else queryset), False
