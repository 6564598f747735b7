"""What owners of addresses reach by the links in their mails, without signing in."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from cxcrm.base import clock
from cxcrm.base.customer_pages import behind_link, customer_page, refuse_link
from cxcrm.base.robots import doubt, form_nonce
from cxcrm.outbox.enums import MailClass, ObjectionSource
from cxcrm.outbox.models import MailAddress
from cxcrm.outbox.services.addresses import ServiceMailNeeded, object_to, object_to_all
from cxcrm.outbox.services.unsubscribing import (
    PREFERENCES,
    UNSUBSCRIBE,
    ObjectionStands,
    address_mark,
    newest_mail_to,
    preferences_of,
    preferences_path,
    take_back_objection,
)

# As their readers know them.
DESCRIPTIONS = {
    MailClass.SURVEY: (
        _("Surveys"),
        _("Short questions about how content you are with us."),
    ),
    MailClass.PROGRAMME: (
        _("Customer programme"),
        _("Invitations, for example to tests, events and recommendations."),
    ),
    MailClass.NEWSLETTER: (_("Newsletter"), _("News about products and offers.")),
    MailClass.ALERT: (_("Notices"), _("Messages about what you have asked to be told of.")),
}


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@behind_link(UNSUBSCRIBE, address_mark)
def unsubscribe(request: HttpRequest, *, subject: str, token: str) -> HttpResponse:
    """RFC 8058: the mail program posts, and that is all. Opened, it is the page of preferences."""
    number, _hyphen, mail_class = subject.partition("-")
    address = MailAddress.objects.filter(pk=number).first()
    if address is None:
        return refuse_link(request)
    if request.method != "POST":
        return _page(request, address)
    if request.POST.get("List-Unsubscribe") != "One-Click":
        return HttpResponseBadRequest()
    object_to(
        address_id=address.pk,
        mail_class=MailClass(mail_class),
        via=ObjectionSource.ONE_CLICK,
        at=clock.now(),
    )
    return HttpResponse(content_type="text/plain")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@behind_link(PREFERENCES, address_mark)
def preferences(request: HttpRequest, *, subject: str, token: str) -> HttpResponse:
    address = MailAddress.objects.filter(pk=subject).first()
    if address is None:
        return refuse_link(request)
    if request.method != "POST":
        return _page(request, address)
    if doubt(request, _purpose(address)):
        return _page(request, address, note="doubtful")
    deed, _colon, name = request.POST.get("deed", "").partition(":")
    try:
        _do(deed, name, address)
    except ObjectionStands:
        return _page(request, address, note="stands")
    except (ServiceMailNeeded, ValueError):
        return HttpResponseBadRequest()
    return _page(request, address, note=deed)


def _do(deed: str, name: str, address: MailAddress) -> None:
    """Raises ValueError for what the page does not offer."""
    at = clock.now()
    match deed:
        case "all":
            object_to_all(address_id=address.pk, via=ObjectionSource.PAGE, at=at)
        case "stop":
            object_to(
                address_id=address.pk, mail_class=MailClass(name), via=ObjectionSource.PAGE, at=at
            )
        case "undo":
            take_back_objection(address_id=address.pk, mail_class=MailClass(name), at=at)
        case _:
            raise ValueError(deed)


def _page(request: HttpRequest, address: MailAddress, *, note: str = "") -> HttpResponse:
    """`note` is what was done, or why nothing was: `stands`, `doubtful`."""
    mail = newest_mail_to(address_id=address.pk)
    preferences = [
        preference
        for preference in preferences_of(address_id=address.pk, at=clock.now())
        if preference.mail_class in DESCRIPTIONS
    ]
    context: dict[str, Any] = {
        "address": address.address,
        "brand": mail.facts.get("brand") if mail else None,
        "rows": [
            {"preference": preference, "name": name, "description": description}
            for preference in preferences
            for name, description in [DESCRIPTIONS[preference.mail_class]]
        ],
        "gets_any": any(preference.objected_at is None for preference in preferences),
        "action": preferences_path(address),
        "nonce": form_nonce(request, _purpose(address)),
        "note": note,
    }
    language = mail.language if mail else translation.get_language() or "en"
    return customer_page(request, "outbox/customers/preferences.html", context, language=language)


def _purpose(address: MailAddress) -> str:
    return f"{PREFERENCES}:{address.pk}"
