"""The desk's sidebar: what each member of staff may open, grouped by what it is for."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

GROUPS = (
    (
        _("Customers"),
        (
            ("apartment", "accounts.Account"),
            ("group", "accounts.Contact"),
            ("contract", "accounts.Contract"),
        ),
    ),
    (
        _("Work"),
        (
            ("task_alt", "accounts.Task"),
            ("event_repeat", "accounts.RenewalReminder"),
            ("event_busy", "accounts.Cancellation"),
            ("person_off", "accounts.LostAccount"),
            ("checklist", "base.Job"),
        ),
    ),
    (
        _("Mail"),
        (
            ("outgoing_mail", "outbox.OutgoingMail"),
            ("alternate_email", "outbox.MailAddress"),
            ("edit_note", "outbox.MailWording", "overview"),
        ),
    ),
    (
        _("Set-up"),
        (
            ("sell", "accounts.Product"),
            ("storefront", "accounts.Brand"),
            ("notifications_active", "accounts.ReminderPolicy"),
            ("currency_exchange", "accounts.ExchangeRate"),
            ("help_center", "accounts.CancellationReason"),
            ("speed", "outbox.RecipientDomain"),
            ("upload_file", "accounts.ImportRun"),
            ("conversion_path", "accounts.ImportMapping"),
            ("badge", "users.User"),
            ("key", "api.ApiKey"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups with what this user may see; empty groups are left out."""
    today = {"title": _("Today"), "icon": "today", "link": reverse("admin:index")}
    groups = [
        {"title": title, "items": [item for entry in entries if (item := _item(request, *entry))]}
        for title, entries in GROUPS
    ]
    return [
        {"items": [today, *_revenue(request), *_operations(request)]},
        *(group for group in groups if group["items"]),
        *_api(request),
        *_demo(),
    ]


def _revenue(request: HttpRequest) -> list[dict[str, Any]]:
    if not request.user.has_perm("accounts.view_revenue"):
        return []
    return [{"title": _("Revenue"), "icon": "monitoring", "link": reverse("admin:revenue")}]


def _operations(request: HttpRequest) -> list[dict[str, Any]]:
    if not request.user.has_perm("base.view_operations"):
        return []
    link = reverse("admin:operations")
    return [{"title": _("Operations"), "icon": "monitor_heart", "link": link}]


def _api(request: HttpRequest) -> list[dict[str, Any]]:
    if not request.user.has_perm("api.read_docs"):
        return []
    docs = {
        "title": _("API documentation"),
        "icon": "api",
        "link": reverse("api:docs"),
        "active": False,
    }
    return [{"items": [docs]}]


def _demo() -> list[dict[str, Any]]:
    if not settings.CXCRM_DEMO:
        return []
    pages = [
        {
            "title": _("What to try"),
            "icon": "explore",
            "link": reverse("demo:landing"),
            "active": False,
        },
        {"title": _("Mailbox"), "icon": "inbox", "link": reverse("demo:mailbox")},
    ]
    return [{"title": _("Demo"), "items": pages}]


def _item(
    request: HttpRequest, icon: str, label: str, page: str = "changelist"
) -> dict[str, Any] | None:
    model = apps.get_model(label)
    if not admin.site.get_model_admin(model).has_view_or_change_permission(request):
        return None
    options = model._meta
    return {
        "title": capfirst(options.verbose_name_plural),
        "icon": icon,
        "link": reverse(f"admin:{options.app_label}_{options.model_name}_{page}"),
    }
