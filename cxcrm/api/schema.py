"""The OpenAPI description, read off the resources themselves: what holds for all of them, such as
errors, headers and `fields`, is added here and nowhere else."""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from django.utils.module_loading import import_string
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import (
    build_examples_list,
    force_instance,
    is_list_serializer,
    is_serializer,
)
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from cxcrm.api.examples import OF_FILES, error_example, example_of
from cxcrm.base.rest.serializers import ResourceSerializer

HEADER = OpenApiParameter.HEADER
WITH_BODY = {"POST", "PUT", "PATCH"}
# What standard actions are called in the names of operations, and what they do.
ACTIONS = {
    "list": ("list", "List {resources}"),
    "retrieve": ("get", "Show one of the {resources}"),
    "create": ("create", "Add to the {resources}"),
    "partial_update": ("change", "Change one of the {resources}"),
    "upsert": ("upsert", "Add or change one of the {resources}, by its number elsewhere"),
}


class FieldFaultSerializer(serializers.Serializer):
    field = serializers.CharField(help_text="Path of the field, as `contacts.0.name`.")
    code = serializers.CharField(help_text="For programs.")
    message = serializers.CharField(help_text="For people.")


class FaultSerializer(serializers.Serializer):
    code = serializers.CharField(help_text="For programs.")
    message = serializers.CharField(help_text="For people.")
    request_id = serializers.CharField(help_text="Name it when you ask us about this request.")
    fields = FieldFaultSerializer(many=True, help_text="Those at fault, where it is about some.")


class ErrorSerializer(serializers.Serializer):
    """The one shape of every error."""

    error = FaultSerializer()


class Refusal(NamedTuple):
    """An answer that says no, and when an operation may give it."""

    description: str
    given_by: Any


def always(schema: "ResourceSchema") -> bool:
    return True


def has_body(schema: "ResourceSchema") -> bool:
    return schema.method in WITH_BODY


def changes_one(schema: "ResourceSchema") -> bool:
    return schema.method in ("PATCH", "PUT") or (schema.method == "POST" and "{" in schema.path)


REFUSALS = {
    400: Refusal(
        "The request cannot be understood: its JSON or a parameter of its address.", always
    ),
    401: Refusal("No key, or one that is wrong, expired or revoked.", always),
    403: Refusal("The key lacks the scope, or may not be used from this address.", always),
    404: Refusal(
        "There is no such thing, or it belongs to a brand that the key may not see.",
        lambda schema: "{" in schema.path,
    ),
    406: Refusal("The answer would be JSON, which `Accept` rules out.", always),
    409: Refusal("It does not go with how things stand.", has_body),
    411: Refusal("The body comes in chunks, without a `Content-Length`.", has_body),
    412: Refusal(
        "`If-Match` names another state than the one that is there.",
        changes_one,
    ),
    413: Refusal("The body is too large.", has_body),
    415: Refusal("The body is not sent as JSON.", has_body),
    422: Refusal("The content is refused; the fields at fault are named.", has_body),
    429: Refusal("Too many requests in this minute.", always),
    503: Refusal("Out of service for the moment.", always),
}


class ResourceSchema(AutoSchema):
    def get_tags(self) -> list[str]:
        return [self._resource]

    def get_operation_id(self) -> str:
        action, _summary = ACTIONS.get(self._action, (self._action, ""))
        return f"{self._resource.replace('-', '_')}_{action}"

    def get_summary(self) -> str:
        said = self._documented.partition("\n\n")[0]
        if said:
            return " ".join(said.split()).removesuffix(".")
        _name, summary = ACTIONS.get(self._action, ("", "{resources}"))
        return summary.format(resources=self._resource.replace("-", " "))

    def get_description(self) -> str:
        return " ".join(self._documented.partition("\n\n")[2].split())

    def get_override_parameters(self) -> list[OpenApiParameter]:
        return [*self._request_headers(), *self._shape(), *self._answer_headers()]

    @property
    def _resource(self) -> str:
        return self._tokenize_path()[0]

    @property
    def _action(self) -> str:
        return getattr(self.view, "action", None) or self.method.lower()

    @property
    def _documented(self) -> str:
        """The words beside the method; those of a base class are for developers."""
        method = vars(type(self.view)).get(self._action)
        return (getattr(method, "__doc__", None) or "").replace("\n        ", "\n").strip()

    @property
    def _shows_one(self) -> bool:
        return not self._is_list_view()

    def _request_headers(self) -> Iterator[OpenApiParameter]:
        if self.method == "POST":
            yield OpenApiParameter(
                "Idempotency-Key",
                {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
                HEADER,
                required=True,
                description="New for each deed, the same for each repetition, which then is "
                "answered as the first was. Kept for 48 hours.",
            )
        if changes_one(self):
            yield OpenApiParameter(
                "If-Match",
                str,
                HEADER,
                description="The `ETag` that you read: where somebody else has changed it since, "
                "nothing is changed.",
            )
        if self.method == "GET" and self._shows_one:
            yield OpenApiParameter(
                "If-None-Match",
                str,
                HEADER,
                description="The `ETag` that you know: where nothing has changed the answer is "
                "304 without a body.",
            )

    def _shape(self) -> Iterator[OpenApiParameter]:
        serializer = self._get_serializer()
        if is_list_serializer(serializer):
            serializer = serializer.child
        if self.method != "GET" or not isinstance(serializer, ResourceSerializer):
            return
        yield _names("fields", serializer.fields, "Only these fields.")
        if serializer.expandable:
            yield _names(
                "expand", serializer.expandable, "These references in full instead of as ids."
            )

    def _answer_headers(self) -> Iterator[OpenApiParameter]:
        def header(name: str, kind: Any, text: str, codes: Any) -> OpenApiParameter:
            return OpenApiParameter(name, kind, HEADER, response=codes, description=text)

        yield header("X-Request-ID", str, "Names this request in our log.", True)
        seconds = "Seconds to wait before the next try."
        yield header("Retry-After", int, seconds, [429, 503])
        answered = [200, 201, 202, 304, *(code for code in REFUSALS if code not in (401, 503))]
        yield header("RateLimit-Limit", int, "Requests that the key has a minute.", answered)
        yield header("RateLimit-Remaining", int, "How many of them are left.", answered)
        yield header("RateLimit-Reset", int, "Seconds until it has all of them again.", answered)
        if self._shows_one:
            yield header("ETag", str, "Changes with anything that is shown.", [200, 201, 304])
        if self.method == "POST":
            yield header("Location", OpenApiTypes.URI, "Where the new one is.", [201])
            told = "`true` where the answer is that to an earlier request with the same key."
            yield header("Idempotent-Replayed", str, told, [200, 201, 202])

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        answers = super()._get_response_bodies(direction)
        if self.method == "GET" and self._shows_one:
            unchanged = OpenApiResponse(None, "Nothing has changed since the `ETag` that you know.")
            answers.setdefault("304", self._get_response_for_code(unchanged, "304"))
        for code, refusal in REFUSALS.items():
            if refusal.given_by(self):
                refused = OpenApiResponse(ErrorSerializer, refusal.description)
                answers.setdefault(str(code), self._get_response_for_code(refused, str(code)))
        for code, answer in answers.items():
            answer["description"] = answer["description"] or DONE.get(code, "")
        return dict(sorted(answers.items()))

    def _get_examples(
        self,
        serializer: Any,
        direction: Any,
        media_type: Any,
        status_code: str | None = None,
        extras: Any = None,
    ) -> dict[str, Any]:
        given = super()._get_examples(serializer, direction, media_type, status_code, extras)
        if given:
            return given
        if not is_serializer(serializer):
            value = OF_FILES.get(media_type, OF_FILES["text/csv"])
        elif isinstance(serializer, ErrorSerializer):
            value = error_example(int(status_code or 400))
        else:
            one = serializer.child if is_list_serializer(serializer) else serializer
            one = one() if isinstance(one, type) else one
            value = example_of(one, is_request=direction == "request")
            if direction == "response" and self._is_list_view(serializer):
                value = {"results": [value], "next": None, "previous": None}
            elif is_list_serializer(serializer):
                value = [value]
        return build_examples_list([OpenApiExample("Example", value)])

    def _get_filter_parameters(self) -> list[dict[str, Any]]:
        """No parameter may be without a value: it would filter nothing."""
        parameters = super()._get_filter_parameters()
        for parameter in parameters:
            if parameter["schema"].get("type") == "string":
                parameter["schema"].setdefault("minLength", 1)
        return parameters

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        """With `fields` any field may be missing, with `expand` references are shown in full."""
        schema = super()._map_basic_serializer(serializer, direction)
        serializer = force_instance(serializer)
        if not vars(type(serializer)).get("__doc__"):
            # Words of a base class are for developers, or about something else.
            schema.pop("description", None)
        if isinstance(serializer, serializers.ModelSerializer) and direction == "response":
            _allow_blank_choices(schema, serializer)
        if isinstance(serializer, ResourceSerializer) and direction == "response":
            schema.pop("required", None)
            for name, reference in serializer.expandable.items():
                expanded = self.resolve_serializer(
                    import_string(reference.serializer), direction
                ).ref
                schema["properties"][name] = {"anyOf": [schema["properties"][name], expanded]}
        return schema


def _allow_blank_choices(schema: dict[str, Any], serializer: serializers.ModelSerializer) -> None:
    """Read-only fields do not say that they may be empty; their columns do."""
    for name, field in serializer.fields.items():
        if isinstance(field, serializers.ChoiceField):
            column = serializer.Meta.model._meta.get_field(field.source)
            choices = schema["properties"][name].get("enum")
            if column.blank and choices and "" not in choices:
                choices.append("")


DONE = {"200": "Done.", "201": "Made.", "202": "Taken; it is worked off."}


def _names(parameter: str, known: Any, description: str) -> OpenApiParameter:
    return OpenApiParameter(
        parameter,
        {"type": "array", "minItems": 1, "items": {"type": "string", "enum": sorted(known)}},
        OpenApiParameter.QUERY,
        style="form",
        explode=False,
        description=description,
    )


class KeyScheme(OpenApiAuthenticationExtension):
    target_class: ClassVar[str] = "cxcrm.api.authentication.KeyAuthentication"
    name: ClassVar[str] = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key as an administrator makes it at the desk: `cx_…_…`.",
        }
