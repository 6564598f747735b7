"""The page that tells who gets which reminder on a day, and why; nothing is sent by looking."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import structlog
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.forms.policies import DryRunForm
from accounts.models import Brand
from accounts.selectors.policies import FROM_START, DryRunRow, dry_run
from cxcrm.base import clock
from cxcrm.base.exports import FILE_TYPES, TooManyRows

logger = structlog.get_logger(__name__)

ROWS_PER_PAGE = 50
_ROWS_PER_FETCH = 10_000


@dataclass(frozen=True)
class Question:
    today: date
    on: date
    brand: Brand | None

    @property
    def asked(self) -> dict[str, Any]:
        return {"on": self.on, "today": self.today, "brand_id": self.brand and self.brand.pk}


class DryRunPages:
    """Mixed into the list of policies: whoever sees these sees what they do."""

    def get_urls(self) -> list[URLPattern]:
        export = path(
            "dry_run/<str:file_type>/",
            self.admin_site.admin_view(self.dry_run_export),
            name="accounts_reminderpolicy_dry_run_export",
        )
        return [export, *super().get_urls()]

    @action(description=_("Who gets what, and why"), icon="preview", permissions=["view"])
    def dry_run(self, request: HttpRequest) -> HttpResponseBase:
        form = _form(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Who gets what, and why"),
            "form": form,
        }
        if form.is_valid():
            context |= self._answer(request, _question(form))
        return TemplateResponse(request, "accounts/desk/dry_run.html", context)

    def dry_run_export(self, request: HttpRequest, file_type: str) -> HttpResponseBase:
        """The whole day as a file."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        if file_type not in FILE_TYPES:
            raise Http404
        form = _form(request)
        if not form.is_valid():  # the page says so
            return redirect(f"{_page()}?{request.GET.urlencode()}")
        question = _question(form)
        header = [
            _("Contract"),
            _("Customer number"),
            _("Account"),
            _("Renewal date"),
            _("Last day to cancel"),
            _("Policy"),
            _("Step"),
            _("Due on"),
            _("What happens"),
            _("Clash"),
            _("Recipient"),
            _("Language"),
            _("Why"),
        ]
        logger.info("dry_run_exported", file_type=file_type, user_id=request.user.pk)
        name = f"reminders-{question.on:%Y-%m-%d}"
        try:
            return FILE_TYPES[file_type](name, header, _cells(question))
        except TooManyRows as refusal:
            messages.error(request, str(refusal))
            return redirect(f"{_page()}?{request.GET.urlencode()}")

    def _answer(self, request: HttpRequest, question: Question) -> dict[str, Any]:
        answer = dry_run(
            **question.asked, after=_after(request.GET.get("after", "")), limit=ROWS_PER_PAGE + 1
        )
        shown = answer.rows[:ROWS_PER_PAGE]
        query = {"on": question.on.isoformat()}
        if question.brand:
            query["brand"] = str(question.brand.pk)
        following = query | {"after": "-".join(map(str, shown[-1].key))} if shown else query
        return {
            "question": question,
            "counts": answer.counts,
            "rows": shown,
            "query": urlencode(query),
            "is_first": "after" not in request.GET,
            "following": urlencode(following) if len(answer.rows) > ROWS_PER_PAGE else "",
            "file_types": list(FILE_TYPES) if self.has_export_permission(request) else [],
        }


def _form(request: HttpRequest) -> DryRunForm:
    """Asks for tomorrow where nobody asks for a day."""
    today = clock.now().date()
    asked = {"on": (today + timedelta(days=1)).isoformat()} | request.GET.dict()
    return DryRunForm(asked, today=today)


def _question(form: DryRunForm) -> Question:
    return Question(form.today, form.cleaned_data["on"], form.cleaned_data["brand"])


def _page() -> str:
    return reverse("admin:accounts_reminderpolicy_dry_run")


def _after(text: str) -> tuple[int, int]:
    contract_id, _dash, step = text.partition("-")
    if contract_id.isdecimal() and step.isdecimal() and len(contract_id) < 19 and len(step) < 5:
        return int(contract_id), int(step)
    return FROM_START


def _cells(question: Question) -> Iterator[list[Any]]:
    after = FROM_START
    while rows := dry_run(**question.asked, after=after, limit=_ROWS_PER_FETCH).rows:
        yield from map(_cells_of_row, rows)
        after = rows[-1].key


def _cells_of_row(row: DryRunRow) -> list[Any]:
    return [
        row.contract_number,
        row.account_number,
        row.account_name,
        row.renewal_date,
        row.notice_deadline,
        row.policy_name,
        row.step,
        row.due_on,
        row.outcome.label,
        _("yes") if row.is_clash else _("no"),
        row.contact_name,
        row.language,
        "; ".join(row.reasons),
    ]
