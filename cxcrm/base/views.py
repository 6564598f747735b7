import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


def server_error(request: HttpRequest) -> HttpResponse:
    """The handler of whatever no view caught, wherever in the stack it was raised.

    A database that is away, full or locked up answers 503 with Retry-After: trying again is
    right. Anything else is our fault and a 500. Both pages are rendered without the request,
    since its user or its messages may be what failed.
    """
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "10"})
    return HttpResponse(render_to_string("500.html"), status=500)
