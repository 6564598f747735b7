from allauth.mfa.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _


class SecondFactorMiddleware:
    """Lets staff without a second factor reach no page of the desk but the way to set one up."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view, args, kwargs) -> HttpResponse | None:
        if not settings.CXCRM_REQUIRE_MFA or not request.path_info.startswith("/desk/"):
            return None
        if not request.user.is_staff or get_adapter().is_mfa_enabled(request.user):
            return None
        if request.path_info == "/desk/logout/":
            return None
        messages.info(request, _("The agent desk needs a second step when you sign in."))
        return redirect("mfa_activate_totp")
