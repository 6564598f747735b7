import sys

from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.views.defaults import bad_request as bad_request_page

from cxcrm.base.rest.errors import is_for_api, plain_answer


@login_not_required
def icon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it at the root, whatever a page says."""
    return redirect(static("cxcrm/mark.svg"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_for_api(request):
        return plain_answer(exception)
    return bad_request_page(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """The handler of whatever no view caught, wherever in the stack it was raised.

    A database that is away, full or locked up answers 503 with Retry-After: trying again is
    right. Anything else is our fault and a 500. Both pages are rendered without the request,
    since its user or its messages may be what failed.
    """
    error = sys.exc_info()[1]
    if is_for_api(request) and isinstance(error, Exception):
        return plain_answer(error)
    if isinstance(error, OperationalError | InterfaceError):
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "10"})
    return HttpResponse(render_to_string("500.html"), status=500)
