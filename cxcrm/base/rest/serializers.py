"""Resources as JSON: which of their fields the reader wants, and which references in full."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from django.db import models
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from cxcrm.base.rest import fields
from cxcrm.base.rest.errors import QueryRefused
from cxcrm.base.scopes import ResourceGroup, Verb

PARAMETERS = {"fields", "expand"}


@dataclass(frozen=True)
class Expandable:
    """A reference that can be shown in full: the path of the attribute on the row, which is what
    `select_related` loads, and the dotted name of the serializer. Where it is of another `group`
    than the resource, the key has to be one that may read that, too."""

    source: str
    serializer: str
    group: ResourceGroup | None = None


class ResourceSerializer(serializers.ModelSerializer):
    """Shows ids of what it refers to, or with `?expand=` the things themselves, one level deep;
    with `?fields=` only what is named. Both need the context key `shape`."""

    expandable: ClassVar[dict[str, Expandable]] = {}

    def get_fields(self) -> dict[str, serializers.Field]:
        shown = {name: copy(field) for name, field in fields_of(type(self)).items()}
        wanted = self.context.get("shape") if self.parent is None or self._is_row() else None
        if wanted is None:
            return shown
        for name in wanted.expand:
            reference = self.expandable[name]
            # DRF refuses a source that says what the name says.
            source = {} if reference.source == name else {"source": reference.source}
            shown[name] = import_string(reference.serializer)(read_only=True, **source)
        if wanted.fields:
            shown = {name: field for name, field in shown.items() if name in wanted.fields}
        return shown

    def _is_row(self) -> bool:
        return isinstance(self.parent, serializers.ListSerializer) and self.parent.parent is None


@cache
def fields_of(serializer: type[ResourceSerializer]) -> Mapping[str, serializers.Field]:
    """All of them, as nobody may change or use them: to be copied. DRF builds them for each request
    anew, which takes as long as to show fifty rows."""
    return serializers.ModelSerializer.get_fields(serializer())


class BodySerializer(serializers.ModelSerializer):
    """What comes in for a model: strict in its types. Whether a number or code is taken already
    the database alone can say, so that is left to the service."""

    serializer_field_mapping: ClassVar[dict] = (
        serializers.ModelSerializer.serializer_field_mapping
        | {
            models.CharField: fields.TextField,
            models.TextField: fields.LinesField,
            models.SlugField: fields.TextField,
            models.BooleanField: fields.YesNoField,
            models.IntegerField: fields.NumberField,
            models.PositiveIntegerField: fields.NumberField,
            models.PositiveSmallIntegerField: fields.NumberField,
            models.SmallIntegerField: fields.NumberField,
            models.DecimalField: fields.DecimalField,
            models.DateField: fields.DayField,
        }
    )
    serializer_choice_field = fields.ChoiceField

    def get_unique_together_validators(self) -> list:
        return []


def fill(row: models.Model, said: dict[str, Any]) -> None:
    """Set what a checked body says; a service writes it."""
    for name, value in said.items():
        setattr(row, name, value)


@dataclass(frozen=True)
class Shape:
    """What the reader asked for; empty `fields`: all."""

    fields: frozenset[str]
    expand: frozenset[str]

    @property
    def is_whole(self) -> bool:
        """Whether the things themselves are shown as they are without being asked."""
        return not (self.fields or self.expand)


def shape_of(request: Request, serializer: type[ResourceSerializer]) -> Shape:
    """Reads `fields` and `expand` from the address. Raises QueryRefused, and PermissionDenied of
    what the key may not read."""
    parameters = request.query_params
    shape = Shape(
        fields=_names(parameters, "fields", frozenset(fields_of(serializer))),
        expand=_names(parameters, "expand", frozenset(serializer.expandable)),
    )
    if shape.fields and (missing := shape.expand - shape.fields):
        raise QueryRefused({"expand": _("Name %s in `fields`, too.") % ", ".join(sorted(missing))})
    for name in sorted(shape.expand):
        group = serializer.expandable[name].group
        if group is not None and not request.auth.may(Verb.READ, group):
            raise PermissionDenied(
                _("To expand %(name)s, the key needs the scope %(scope)s.")
                % {"name": name, "scope": f"{group}:{Verb.READ}"}
            )
    return shape


def _names(parameters: Any, parameter: str, known: frozenset[str]) -> frozenset[str]:
    text = parameters.get(parameter)
    if text is None:
        return frozenset()
    names = frozenset(text.split(","))
    if not names <= known:
        raise QueryRefused(
            {parameter: _("There are: %s.") % (", ".join(sorted(known)) or _("none"))}
        )
    return names
