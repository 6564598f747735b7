from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def too_many_attempts(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict | None = None
) -> HttpResponse:
    """The one answer to everybody who tries too often, whichever limit they met."""
    wait = settings.AXES_COOLOFF_TIME
    page = render(request, "429.html", {"minutes": wait.seconds // 60}, status=429)
    page["Retry-After"] = str(wait.seconds)
    return page


def name_of_attempt(request: HttpRequest, credentials: dict | None) -> str:
    """The login that a sign-in is counted under: however it was written, it is one login."""
    return ((credentials or {}).get("email") or "").strip().lower()[:254]
