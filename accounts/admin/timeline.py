from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.models import TimelineEvent
from accounts.selectors.accounts import moment_of_event
from cxcrm.base.admin import ReadOnlyAdmin


@admin.register(TimelineEvent)
class TimelineEventAdmin(ReadOnlyAdmin):
    list_display = ("occurred_at", "kind", "account", "contract", "detail", "actor")
    list_select_related = ("account", "contract", "actor")
    linked_lookups = ("account",)
    fields = ("occurred_at", "kind", "account", "contract", "detail", "actor")
    readonly_fields = ("detail",)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-occurred_at", "-id") if "account" in request.GET else ("-id",)

    @display(description=_("detail"))
    def detail(self, event: TimelineEvent) -> str:
        return moment_of_event(event).detail
