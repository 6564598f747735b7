"""The page of the company's recurring revenue."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from accounts.selectors.revenue import RateMissing, RevenueOfDay, company_revenue
from cxcrm.base import clock
from cxcrm.base.charts import line_chart
from cxcrm.base.exports import FILE_TYPES

PERIODS = {
    30: gettext_lazy("30 days"),
    90: gettext_lazy("90 days"),
    365: gettext_lazy("365 days"),
}
DEFAULT_PERIOD = 90


@dataclass(frozen=True)
class Question:
    """What the address of the page asks for; what makes no sense is as if it were not there."""

    days: int
    brand: Brand | None
    since: date
    until: date


def revenue_page(request: HttpRequest) -> HttpResponse:
    """ARR and MRR by day, for leads and executives."""
    _check_permission(request, "accounts.view_revenue")
    asked = _question(request)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Revenue"),
        "asked": asked,
        "periods": PERIODS,
        "brands": Brand.objects.order_by("name"),
        "currency": settings.CXCRM_REPORTING_CURRENCY,
        "query": request.GET.urlencode(),
        "file_types": list(FILE_TYPES) if request.user.has_perm("base.export") else [],
    }
    try:
        days = _days(asked)
    except RateMissing as missing:
        context["missing"] = missing
    else:
        context["days"] = days[::-1]
        if days:
            context |= {
                "latest": days[-1],
                "chart": line_chart([(day.day, day.arr) for day in days]),
            }
    return TemplateResponse(request, "agent_desk/revenue.html", context)


def revenue_export(request: HttpRequest, file_type: str) -> HttpResponse:
    """The days of the page as a file, 4 decimals."""
    _check_permission(request, "accounts.view_revenue")
    _check_permission(request, "base.export")
    if file_type not in FILE_TYPES:
        raise Http404
    asked = _question(request)
    try:
        days = _days(asked)
    except RateMissing:  # the page says so
        return redirect("admin:revenue")
    header = [
        _("Day"),
        _("Currency"),
        "ARR",
        "MRR",
        _("ARR under notice"),
        _("Accounts"),
        _("Contracts"),
    ]
    return FILE_TYPES[file_type](f"revenue-{asked.until:%Y-%m-%d}", header, _rows(days))


def _rows(days: list[RevenueOfDay]) -> Iterator[list]:
    for day in days:
        yield [
            day.day,
            settings.CXCRM_REPORTING_CURRENCY,
            round(day.arr, 4),
            round(day.mrr, 4),
            round(day.under_notice, 4),
            day.accounts,
            day.contracts,
        ]


def _check_permission(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _question(request: HttpRequest) -> Question:
    asked = request.GET.get("days")
    period = next((days for days in PERIODS if str(days) == asked), DEFAULT_PERIOD)
    code = request.GET.get("brand")
    today = clock.now().date()
    return Question(
        days=period,
        brand=Brand.objects.filter(code=code).first() if code else None,
        since=today - timedelta(days=period),
        until=today,
    )


def _days(asked: Question) -> list[RevenueOfDay]:
    return company_revenue(since=asked.since, until=asked.until, brand=asked.brand)
