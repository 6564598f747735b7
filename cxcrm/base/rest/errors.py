"""One shape for every error: a code for programs, a message for people, the fields at fault.

    {"error": {"code": "invalid", "message": "…", "request_id": "…",
               "fields": [{"field": "contacts.0.name", "code": "required", "message": "…"}]}}

400 is a request that cannot be understood, 422 one whose content is refused, 409 one that does not
go with how things stand.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import structlog
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext_lazy as _
from psycopg.errors import QueryCanceled
from rest_framework import exceptions, status
from rest_framework.response import Response

from cxcrm.base.errors import DomainError, Taken
from cxcrm.base.logs import fault_facts

logger = structlog.get_logger(__name__)

Field = dict[str, str]
NON_FIELD = "non_field_errors"
RETRY_AFTER = "10"
PREFIX = "/api/"


class QueryRefused(exceptions.APIException):
    """A parameter of the address that nobody knows, or whose value is none."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid_query"
    default_detail = _("A parameter of the address is wrong.")

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__()
        self.fields = [
            {"field": name, "code": "invalid", "message": str(reason)}
            for name, reason in faults.items()
        ]


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = _("It does not go with what is there.")


class StateChanged(exceptions.APIException):
    """If-Match names another state than the one that is there."""

    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "state_changed"
    default_detail = _("Somebody else has changed it since you read it. Read it again.")


class LengthRequired(exceptions.APIException):
    """A body in chunks, of which no more would be read than of one that has no length: nothing."""

    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_code = "length_required"
    default_detail = _("Send the body with its Content-Length, not in chunks.")


class BodyTooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = _("The body is too large.")


def answer_error(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. Nothing passes it: what nobody expected is logged and a 500."""
    request = context["request"]
    status_code, body, headers = described(error)
    body["error"]["request_id"] = request_id()
    if status_code >= 500:
        logger.error("api_request_failed", **fault_facts(error))
    response = Response(body, status=status_code, headers=headers)
    response.exception = True
    request._request.api_error = body["error"]["code"]
    return response


def described(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of an error."""
    if isinstance(error, DomainError):
        return _domain_error(error)
    if isinstance(error, exceptions.ValidationError):
        return 422, _body("invalid", _("The content is not valid."), list(_faults(error))), {}
    if isinstance(error, ModelValidationError):
        return 422, _body("invalid", _("The content is not valid."), _model_faults(error)), {}
    if isinstance(error, Http404):
        return 404, _body("not_found", _("There is no such thing.")), {}
    if isinstance(error, BadRequest | SuspiciousOperation):
        return 400, _body("bad_request", _("The request cannot be understood.")), {}
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.APIException):
        return _api_error(error)
    if isinstance(error.__cause__, QueryCanceled):
        return 400, _body("too_much", _("This would read too much. Narrow it by more filters.")), {}
    if isinstance(error, OperationalError | InterfaceError):
        return 503, _body("unavailable", _("Try again shortly.")), {"Retry-After": RETRY_AFTER}
    if isinstance(error, IntegrityError | DataError):
        logger.warning("refused_by_the_database_alone", **fault_facts(error))
        return 409, _body("conflict", _("It does not go with what is there.")), {}
    return 500, _body("internal_error", _("An error of ours. It is logged.")), {}


def is_for_api(request: HttpRequest) -> bool:
    """Also where no view was reached: whatever it is answered, it is JSON."""
    return request.path_info.startswith(PREFIX)


def plain_answer(error: Exception) -> JsonResponse:
    """The same shape where no view of the API was reached."""
    status_code, body, headers = described(error)
    body["error"]["request_id"] = request_id()
    return JsonResponse(body, status=status_code, headers=headers)


def request_id() -> str:
    return structlog.contextvars.get_contextvars().get("request_id", "")


def _body(code: str, message: object, fields: Sequence[Field] = ()) -> dict[str, Any]:
    return {"error": {"code": code, "message": str(message), "fields": list(fields)}}


def _domain_error(error: DomainError) -> tuple[int, dict[str, Any], dict[str, str]]:
    if error.field is None:
        return 409, _body(error.code, error), {}
    field = {"field": error.field, "code": error.code, "message": str(error)}
    return 409 if isinstance(error, Taken) else 422, _body(error.code, error, [field]), {}


def _api_error(error: exceptions.APIException) -> tuple[int, dict[str, Any], dict[str, str]]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    detail = error.detail
    code = detail.code if isinstance(detail, exceptions.ErrorDetail) else error.default_code
    body = _body(code, detail, getattr(error, "fields", ()))
    return error.status_code, body, headers


def _faults(error: exceptions.ValidationError) -> Iterator[Field]:
    yield from _walk(error.detail, ())


def _walk(detail: Any, path: tuple[str, ...]) -> Iterator[Field]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _walk(inner, path if name == NON_FIELD else (*path, str(name)))
    elif isinstance(detail, list | tuple):
        for position, inner in enumerate(detail):
            is_row = isinstance(inner, Mapping | list)
            yield from _walk(inner, (*path, str(position)) if is_row else path)
    else:
        code = getattr(detail, "code", None) or "invalid"
        yield {"field": ".".join(path), "code": code, "message": str(detail)}


def _model_faults(error: ModelValidationError) -> list[Field]:
    by_field = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
    return [
        {
            "field": "" if field == "__all__" else field,
            "code": fault.code or "invalid",
            "message": message,
        }
        for field, faults in by_field.items()
        for fault in faults
        for message in fault.messages
    ]
