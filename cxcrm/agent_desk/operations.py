"""The page of those who operate cxcrm."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from cxcrm.agent_desk.operation_figures import operations
from cxcrm.base import clock

SECONDS_BETWEEN_LOOKS = 15


@never_cache
def operations_page(request: HttpRequest) -> HttpResponse:
    """Whether mails leave, what waits, and who works. It looks again by itself."""
    if not request.user.has_perm("base.view_operations"):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": _("Operations"),
        "operations": operations(at=clock.now()),
        "seconds": SECONDS_BETWEEN_LOOKS,
        "stands_still": "still" in request.GET,
    }
    return TemplateResponse(request, "agent_desk/operations.html", context)
