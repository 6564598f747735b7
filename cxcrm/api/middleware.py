"""What every answer below /api/ has in common, also where no view was reached."""

from typing import Any

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from cxcrm.api.services.keys import note_use
from cxcrm.base import clock
from cxcrm.base.logs import fault_facts
from cxcrm.base.rest.errors import is_for_api

logger = structlog.get_logger(__name__)

SAFE = {"GET", "HEAD", "OPTIONS"}


class ApiMiddleware:
    """Notes the use of keys, names them in the log by their prefix, says what is left of the
    limit, and keeps answers out of caches."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not is_for_api(request):
            return response
        response.headers.setdefault("Cache-Control", "no-store")
        key = getattr(request, "api_key", None)
        if key is not None:
            structlog.contextvars.bind_contextvars(api_key=key.prefix)
            self._note(key, request, response)
        allowance = getattr(request, "api_allowance", None)
        if allowance is not None:
            response["RateLimit-Limit"] = str(allowance.limit)
            response["RateLimit-Remaining"] = str(allowance.left)
            response["RateLimit-Reset"] = str(max(1, round(allowance.seconds_left)))
        return response

    @staticmethod
    def _note(key: Any, request: HttpRequest, response: HttpResponse) -> None:
        try:
            note_use(
                key=key,
                address=request.META.get("REMOTE_ADDR", ""),
                is_read=request.method in SAFE,
                is_refused=response.status_code >= 400,
                at=clock.now(),
            )
        except DatabaseError as error:
            logger.warning("use_of_key_not_noted", **fault_facts(error))
