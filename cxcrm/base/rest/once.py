"""`Idempotency-Key`: a POST that is repeated does nothing twice and is answered as the first was.

The answer is stored in the transaction that does the work: either both are there or neither, so a
caller whose connection broke may always ask again.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cxcrm.base.models import KeptAnswer
from cxcrm.base.rest.errors import Conflict
from cxcrm.base.sql.answers import take_name

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=48)
KEPT_HEADERS = ("ETag", "Location")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class KeyMissing(exceptions.APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "idempotency_key_missing"
    default_detail = _(
        "Send an Idempotency-Key: up to 255 visible characters, new for each deed, the same for "
        "each repetition."
    )


class KeyReused(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = _("This Idempotency-Key came with another request before.")


class KeyInUse(Conflict):
    default_code = "idempotency_key_in_use"
    default_detail = _("A request with this Idempotency-Key is still under way.")
    wait = 1


def answer_once(
    act: Callable[[], Response], request: Request, *, body: bytes, at: datetime
) -> Response | HttpResponse:
    """Do it, or answer what was answered before. Whatever `act` raises undoes what it did, and is
    not kept: nothing has happened, so it may be tried again. Raises KeyMissing, KeyInUse,
    KeyReused."""
    key = request.headers.get(HEADER, "")
    if not _KEY.fullmatch(key):
        raise KeyMissing
    credential = request.auth.name_in_limits
    with transaction.atomic():
        if not take_name(f"{credential} {key}"):
            raise KeyInUse
        fingerprint = _fingerprint(request, body)
        kept = KeptAnswer.objects.filter(credential=credential, idempotency_key=key).first()
        if kept is not None:
            if kept.fingerprint != fingerprint:
                raise KeyReused
            return _again(kept)
        response = act()
        KeptAnswer.objects.create(
            credential=credential,
            idempotency_key=key,
            fingerprint=fingerprint,
            status=response.status_code,
            headers={name: response[name] for name in KEPT_HEADERS if name in response},
            body=JSONRenderer().render(response.data),
            created_at=at,
        )
        return response


def forget_answers(*, at: datetime) -> int:
    """Forget the answers that nobody asks for any more; how many."""
    return KeptAnswer.objects.filter(created_at__lt=at - KEPT_FOR).delete()[0]


def _fingerprint(request: Request, body: bytes) -> str:
    digest = sha256(f"{request.method} {request.get_full_path()}\n".encode())
    digest.update(body)
    return digest.hexdigest()


def _again(kept: KeptAnswer) -> HttpResponse:
    headers: dict[str, Any] = dict(kept.headers) | {"Idempotent-Replayed": "true"}
    return HttpResponse(
        bytes(kept.body), status=kept.status, content_type="application/json", headers=headers
    )
