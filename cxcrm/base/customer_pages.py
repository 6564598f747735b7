"""Pages behind links in mails: a brand's look, the reader's language, and nothing kept of them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from cxcrm.base import clock
from cxcrm.base.links import opened

# Of one client address; those that fit do not count, so an office behind one address may read on.
WRONG_LINKS_A_MINUTE = 60
BLACK, WHITE = "#000000", "#ffffff"


def behind_link(purpose: str, bound_to: Callable[[int], str | None]) -> Callable:
    """Let a view be reached by links of one purpose alone, to rows that are still those which the
    links were sealed for (`cxcrm.base.links.opened`): it gets the subject of the `token` in its
    path beside the token. Any other token gets the one page of refusal."""

    def guard(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, token: str, **rest: Any) -> HttpResponse:
            subject = opened(purpose, token, bound_to=bound_to)
            if subject is None:
                return refuse_link(request)
            return view(request, subject=subject, token=token, **rest)

        return guarded

    return guard


def refuse_link(request: HttpRequest) -> HttpResponse:
    """The one answer to every link that opens nothing, whatever is wrong with it; 429 to a client
    address that brings too many of them.

    Guesses at the same instant may count as one: what protects is the seal, the limit spares us.
    """
    language = translation.get_language() or "en"
    minute = int(clock.now().timestamp()) // 60
    key = f"wrong_links:{request.META['REMOTE_ADDR']}:{minute}"
    wrong = 1 if cache.add(key, 1, timeout=120) else cache.incr(key)
    if wrong > WRONG_LINKS_A_MINUTE:
        page = customer_page(
            request, "customers/too_many_links.html", {}, language=language, status=429
        )
        page["Retry-After"] = "60"
        return page
    return customer_page(request, "customers/refused.html", {}, language=language, status=404)


def customer_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    language: str,
    status: int = 200,
) -> HttpResponse:
    """A page that extends `customers/base.html`, in `language`. `brand` in the context is what
    `brand_facts` gives; without one the page looks neutral.

    No cache keeps it and no search engine lists it. Its address is a key, which the site's
    Referrer-Policy (same-origin) tells to no other host; with `no-referrer` browsers would send
    its forms with `Origin: null`, which the protection against forged requests refuses.
    """
    if brand := context.get("brand"):
        context = context | {"on_accent": readable_on(brand["accent_colour"])}
    with translation.override(language):
        page = render(request, template, context, status=status)
    page["Content-Language"] = language
    page["Cache-Control"] = "no-store"
    page["X-Robots-Tag"] = "noindex, nofollow"
    return page


def readable_on(colour: str) -> str:
    """Black or white, whichever stands out more from a colour: by 4.5 to 1 at the least."""
    red, green, blue = (_linear(int(colour[place : place + 2], 16) / 255) for place in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return BLACK if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else WHITE


def as_ink(colour: str) -> str:
    """The colour itself where it can be read on white, else black."""
    return colour if readable_on(colour) == WHITE else BLACK


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
