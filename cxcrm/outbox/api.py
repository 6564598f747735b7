"""Where a mail provider tells what became of mails it had accepted."""

import re
from hashlib import sha256

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt

from cxcrm.base import clock
from cxcrm.outbox.enums import BounceKind, BounceSource
from cxcrm.outbox.rules.bounces import bounce_kind
from cxcrm.outbox.services.bounces import Bounce, note_bounce

# They end the way of a mail. What is only delayed is told of again.
_CAME_BACK = {EventType.BOUNCED, EventType.REJECTED, EventType.FAILED}
_HAS_CODE = re.compile(r"(?<![\d.])[245](?:\d\d|\.\d{1,3}\.\d{1,3})(?![\d.])")
# Where providers say of what kind a bounce is, and their words for one that stays; both without
# case and signs, as in Type: HardBounce, event: hard_bounce, severity: permanent.
_KIND_FIELDS = {"type", "event", "severity", "status", "bouncetype"}
_FOR_GOOD = {"hard", "hardbounce", "hardbounced", "hardfail", "permanent", "activityhardbounced"}
_SIGNS = re.compile(r"[^a-z]")


@csrf_exempt
@login_not_required
def provider_events(request: HttpRequest, provider: str) -> HttpResponse:
    """Anymail's own view, of the provider that mails go through and of no other.

    It asks for the secret (ANYMAIL_WEBHOOK_SECRET) and hands each event to `take_event`.
    """
    if provider != settings.CXCRM_MAIL_PROVIDER or not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        raise Http404
    try:
        hook = resolve(f"/{provider}/tracking/", urlconf="anymail.urls")
    except Resolver404:
        raise Http404 from None
    return hook.func(request)


def take_event(*, event: AnymailTrackingEvent, esp_name: str, **kwargs: object) -> None:
    """Receives `anymail.signals.tracking`. An error answers 500, and the provider tells again."""
    if event.event_type == EventType.COMPLAINED:
        kind = BounceKind.COMPLAINT
    elif event.event_type in _CAME_BACK:
        kind = _kind_of(event)
    else:
        return
    at = clock.now()
    number = str((event.metadata or {}).get("mail", ""))
    note_bounce(
        bounce=Bounce(
            kind=kind,
            source=BounceSource.PROVIDER,
            event_id=_event_id(event, esp_name),
            occurred_at=event.timestamp or at,
            reason=event.mta_response or event.description or event.reject_reason or "",
            mail_id=int(number) if re.fullmatch(r"[0-9]{1,18}", number) else None,
            provider_id=event.message_id or "",
            address=event.recipient or "",
        ),
        at=at,
    )


def _kind_of(event: AnymailTrackingEvent) -> BounceKind:
    """By the codes of the server that refused, else by the word of the provider.

    Anymail calls soft bounces bounced, too, so its own words do not do.
    """
    text = event.mta_response or ""
    if _HAS_CODE.search(text):
        return bounce_kind(text)
    for_good = event.reject_reason == RejectReason.INVALID or _is_for_good(event.esp_event)
    return BounceKind.HARD if for_good else BounceKind.SOFT


def _is_for_good(told: object) -> bool:
    """By the fields for that alone: an address or a subject line may say anything."""
    if isinstance(told, list):
        return any(map(_is_for_good, told))
    if not isinstance(told, dict):
        return False
    return any(
        _says_for_good(_plain(name), value) or _is_for_good(value) for name, value in told.items()
    )


def _says_for_good(field: str, value: object) -> bool:
    # Mailjet's is a yes or no.
    is_flag = field == "hardbounce" and value is True
    return is_flag or (field in _KIND_FIELDS and _plain(value) in _FOR_GOOD)


def _plain(text: object) -> str:
    return _SIGNS.sub("", str(text).lower())


def _event_id(event: AnymailTrackingEvent, provider: str) -> str:
    """The provider's own number, else what makes this event differ from all others."""
    number = event.event_id
    if not number:
        marks = (event.event_type, event.message_id, event.recipient, event.timestamp)
        number = sha256(repr(marks).encode()).hexdigest()
    return f"{provider} {number}"
