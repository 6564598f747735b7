"""What the API says of itself: its description for programs, and a page of it for people."""

from functools import cache

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from cxcrm.api.authentication import KeyAuthentication
from cxcrm.base.rest.errors import plain_answer


def may_read_docs(user: object) -> bool:
    """Staff, and in a demo everybody."""
    return settings.CXCRM_DEMO or (user is not None and user.has_perm("api.read_docs"))


class MayReadDocs(BasePermission):
    """Whoever has a key may, too."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.auth is not None or may_read_docs(request.user)


class SchemaView(APIView):
    authentication_classes = (KeyAuthentication, SessionAuthentication)
    permission_classes = (MayReadDocs,)
    throttle_classes = ()
    http_method_names = ("get", "head")
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(description(), content_type="application/json")


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The description as a page to read and to try requests on."""
    if not may_read_docs(request.user):
        if not request.user.is_authenticated:
            return redirect_to_login(request.path)
        raise PermissionDenied
    return render(request, "api/docs.html")


@cache
def description() -> bytes:
    """The OpenAPI document: it changes with the code alone."""
    with translation.override("en"):
        document = SchemaGenerator().get_schema(public=True)
    return JSONRenderer().render(document)


@csrf_exempt
@login_not_required
def nothing(request: HttpRequest) -> HttpResponse:
    """Whatever else is asked for below /api/, also an address without its last slash: a redirect
    would lose the body of a POST."""
    return plain_answer(Http404())
