"""Filters by the address. A parameter that nobody knows is refused: whoever mistypes a filter
would else be given everything."""

import re
from collections.abc import Iterable
from datetime import UTC
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError as DRFValidationError
from rest_framework.fields import Field
from rest_framework.request import Request

from cxcrm.base.rest import paging, serializers
from cxcrm.base.rest.errors import QueryRefused
from cxcrm.base.rest.fields import DayField, MomentField

LONGEST_SEARCH = 200
LARGEST_ID = 2**63 - 1
_DIGITS = re.compile("[0-9]{1,19}")


class YesNoField(forms.Field):
    """`true` or `false` and nothing else: Django takes any other word for no filter at all."""

    def to_python(self, value: str | None) -> bool | None:
        if value in self.empty_values:
            return None
        if value not in ("true", "false"):
            raise ValidationError(gettext_lazy("Write true or false."))
        return value == "true"


class YesNoFilter(filters.BooleanFilter):
    field_class = YesNoField

    def __init__(self, *positions: Any, **options: Any) -> None:
        super().__init__(*positions, widget=forms.TextInput, **options)


class IdText(forms.IntegerField):
    """Digits alone: Python takes 1_0 and those of other scripts, too."""

    def to_python(self, value: str | None) -> int | None:
        if value not in self.empty_values and not _DIGITS.fullmatch(value):
            raise ValidationError(self.error_messages["invalid"])
        return super().to_python(value)


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": LARGEST_ID})
class IdFilter(filters.Filter):
    field_class = IdText

    def __init__(self, *positions: Any, **options: Any) -> None:
        super().__init__(*positions, min_value=1, max_value=LARGEST_ID, **options)


class AsInBodies(forms.Field):
    """A value as bodies have it: Django would read others by the language of the request."""

    in_bodies: ClassVar[Field]

    def to_python(self, value: str | None) -> Any:
        if value in self.empty_values:
            return None
        try:
            return self.in_bodies.run_validation(value)
        except DRFValidationError as refusal:
            raise ValidationError([str(reason) for reason in refusal.detail]) from None


class DayText(AsInBodies):
    in_bodies = DayField()


class MomentText(AsInBodies):
    """In UTC: PostgreSQL knows fewer offsets than ISO 8601."""

    in_bodies = MomentField(default_timezone=UTC)


@extend_schema_field({"type": "string", "format": "date"})
class DayFilter(filters.Filter):
    field_class = DayText


@extend_schema_field({"type": "string", "format": "date-time"})
class MomentFilter(filters.Filter):
    field_class = MomentText


class ResourceFilterSet(filters.FilterSet):
    """Resources whose querysets know `search(text)` say `search = SearchFilter()`."""

    FILTER_DEFAULTS = filters.FilterSet.FILTER_DEFAULTS | {
        models.BooleanField: {"filter_class": YesNoFilter},
        models.DateField: {"filter_class": DayFilter},
    }

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """The search comes last: it looks at so many rows at most, which are to be those that the
        other filters leave."""
        said = dict(self.form.cleaned_data)
        for name in sorted(said, key=lambda name: name == "search"):
            queryset = self.filters[name].filter(queryset, said[name])
        return queryset


class SearchFilter(filters.CharFilter):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            method=lambda rows, name, text: rows.search(text),
            max_length=LONGEST_SEARCH,
            **options,
        )


class ResourceFilterBackend(filters.DjangoFilterBackend):
    def get_filterset_class(self, view: Any, queryset: QuerySet | None = None) -> Any:
        """As the view says: an action may list other rows than the view itself."""
        return getattr(view, "filterset_class", None)

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        filters_of_view = self.get_filterset_class(view, queryset)
        own = set(filters_of_view.base_filters) if filters_of_view else set()
        check_parameters(request, own | paging.PARAMETERS | serializers.PARAMETERS)
        if own.isdisjoint(request.query_params):
            # Its form costs as much as the rows of a page.
            return queryset
        filterset = self.get_filterset(request, queryset, view)
        if not filterset.is_valid():
            faults = filterset.errors.get_json_data()
            raise QueryRefused(
                {
                    name: " ".join(fault["message"] for fault in said)
                    for name, said in faults.items()
                }
            )
        return filterset.qs


def check_parameters(request: Request, known: Iterable[str]) -> None:
    """Raises QueryRefused where the address has a parameter that is not known, or one twice, or
    without a value."""
    names = set(known)
    faults = {
        name: _("There are: %s.") % (", ".join(sorted(names)) or _("none"))
        for name in request.query_params
        if name not in names
    }
    for name, values in request.query_params.lists():
        if len(values) > 1:
            faults.setdefault(name, _("Say it once."))
        elif not values[0].strip():
            # An empty filter would be none at all.
            faults.setdefault(name, _("Say a value."))
    if faults:
        raise QueryRefused(faults)
