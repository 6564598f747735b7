"""Lets keys in: `Authorization: Bearer cx_…`. No cookie, no session, no other way."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from cxcrm.api.models import ApiKey
from cxcrm.api.services.keys import comes_from, find_key, is_in_use
from cxcrm.base import clock
from cxcrm.base.limits import take_from_limit

WRONG_KEYS_PER_MINUTE = 60
SCHEME = "Bearer"


class KeyInvalid(exceptions.AuthenticationFailed):
    default_code = "key_invalid"
    default_detail = _("There is no such key, or it is not in use any more.")


class KeyFromElsewhere(exceptions.PermissionDenied):
    default_code = "address_not_allowed"
    default_detail = _("This key may not be used from this address.")


class TooManyWrongKeys(exceptions.APIException):
    status_code = 429
    default_code = "too_many_wrong_keys"
    default_detail = _("Too many wrong keys came from this address. Try again shortly.")

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait


class KeyAuthentication(BaseAuthentication):
    """Wrong keys are counted per address, and so are right ones that may not be used from there;
    others never are, so that an office behind one address goes on working whatever one of its
    programs does."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        said = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _blank, text = said.partition(" ")
        if scheme.lower() != SCHEME.lower():
            return None
        address = request.META.get("REMOTE_ADDR", "")
        key = find_key(text=text.strip())
        # For what comes after the view, see `cxcrm.api.middleware`: whoever knows the secret of a
        # key leaves a trace on it, also where it does not open anything.
        request._request.api_key = key
        if key is None or not is_in_use(key, clock.now()):
            raise self._refusal(address, KeyInvalid())
        if not comes_from(key, address):
            raise self._refusal(address, KeyFromElsewhere())
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return SCHEME

    @staticmethod
    def _refusal(address: str, reason: exceptions.APIException) -> exceptions.APIException:
        wrong = take_from_limit(f"wrong keys {address}", limit=WRONG_KEYS_PER_MINUTE)
        if wrong is not None and wrong.is_used_up:
            return TooManyWrongKeys(wrong.seconds_left)
        return reason
