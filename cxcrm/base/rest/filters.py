"""Filters by the address. A parameter that nobody knows is refused: whoever mistypes a filter
would else be given everything."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from cxcrm.base.rest import paging, serializers
from cxcrm.base.rest.errors import QueryRefused

LONGEST_SEARCH = 200
LARGEST_ID = 2**63 - 1


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


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": LARGEST_ID})
class IdFilter(filters.Filter):
    field_class = forms.IntegerField

    def __init__(self, *positions: Any, **options: Any) -> None:
        super().__init__(*positions, min_value=1, max_value=LARGEST_ID, **options)


class DayFilter(filters.DateFilter):
    """Days as `YYYY-MM-DD` alone: Django would read others by the language of the request."""

    def __init__(self, *positions: Any, **options: Any) -> None:
        super().__init__(*positions, input_formats=["%Y-%m-%d"], **options)


class ResourceFilterSet(filters.FilterSet):
    """Resources whose querysets know `search(text)` say `search = SearchFilter()`."""

    FILTER_DEFAULTS = filters.FilterSet.FILTER_DEFAULTS | {
        models.BooleanField: {"filter_class": YesNoFilter},
        models.DateField: {"filter_class": DayFilter},
    }


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
        filterset = self.get_filterset(request, queryset, view)
        own = set(filterset.filters) if filterset is not None else set()
        check_parameters(request, own | paging.PARAMETERS | serializers.PARAMETERS)
        if filterset is None:
            return queryset
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
