"""What every request passes: whom it comes from, what is logged of it, what browsers may do."""

import re
import time
from ipaddress import ip_address

import structlog
from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_structlog.middlewares import RequestMiddleware

# Unfold's buttons are Alpine.js, which compiles its attributes, and its charts set styles.
DESK_POLICY = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

_OPAQUE = re.compile(r"[\w-]{20,}")


class ClientAddressMiddleware:
    """Makes REMOTE_ADDR the client's address, for the limits, the log and the audit alike.

    Forwarding headers count only from the peers in CXCRM_TRUSTED_PROXIES. Their list is read
    from the right, and the first address that is no trusted proxy is the client; what stands
    left of it was written by that client.
    """

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        forwarded = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        request.META["REMOTE_ADDR"] = plain(request.META.get("REMOTE_ADDR", ""))
        if is_trusted(request.META["REMOTE_ADDR"]):
            for hop in reversed(forwarded.split(",")):
                address = plain(hop.strip())
                if not is_address(address):
                    break
                request.META["REMOTE_ADDR"] = address
                if not is_trusted(address):
                    break
        else:
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)
        return self.get_response(request)


def plain(text: str) -> str:
    """An IPv4 address in its own spelling, also where a socket of IPv6 names it; anything else as
    it is."""
    mapped = getattr(ip_address(text), "ipv4_mapped", None) if is_address(text) else None
    return str(mapped or text)


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_trusted(text: str) -> bool:
    return is_address(text) and any(
        ip_address(text) in network for network in settings.CXCRM_TRUSTED_PROXIES
    )


class NulCharacterMiddleware:
    """Answers 400 to an address with a NUL character, which no text in PostgreSQL can hold."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest
        return self.get_response(request)


class RequestLogMiddleware(RequestMiddleware):
    """One line per request with its id, which the response carries as X-Request-ID.

    No query string and no long opaque piece of a path is logged: they may be keys.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        self.prepare(request)
        request_id = structlog.contextvars.get_contextvars()["request_id"]
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        structlog.contextvars.bind_contextvars(
            milliseconds=round((time.monotonic() - started) * 1000)
        )
        self.handle_response(request, response)
        return response

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {_OPAQUE.sub('…', request.path)}"

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        # Asking `request.user` would read the session of pages that do without one, and fail a
        # second time where the database is away. So only who was already looked up is named.
        user = getattr(request, "_cached_user", None)
        structlog.contextvars.bind_contextvars(user_id=user.pk if user else None)


class BrowserProtectionMiddleware(CSPMiddleware):
    """Sends the Content-Security-Policy of the settings, relaxed below /desk/, and what else
    a browser must not do here. A view that sets a whole policy of its own keeps it."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, **kwargs
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, **kwargs)
        if parts.config is None and request.path_info.startswith("/desk/"):
            parts.replace = DESK_POLICY | (parts.replace or {})
        return parts

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return super().process_response(request, response)
