from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin.changes import TrackedAdmin
from accounts.forms.prices import ExchangeRateForm
from accounts.models import ExchangeRate
from accounts.services.exchange_rates import keep_exchange_rate


@admin.register(ExchangeRate)
class ExchangeRateAdmin(TrackedAdmin):
    form = ExchangeRateForm
    list_display = ("currency", "valid_from", "rate")
    search_fields = ("currency",)
    search_help_text = _("Currency, like USD")
    ordering = ("-valid_from", "currency")
    fields = (("currency", "valid_from"), "rate")

    def save_model(
        self, request: HttpRequest, obj: ExchangeRate, form: ExchangeRateForm, change: Any
    ) -> None:
        keep_exchange_rate(obj)
