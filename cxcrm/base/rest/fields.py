"""Fields of bodies. Each takes the one JSON type that the description of the API promises: DRF's
own make a text of 5, and truth of "on"."""

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cxcrm.base.control_characters import holds_control_character
from cxcrm.base.time_zones import validate_time_zone

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_MOMENT = re.compile(
    rf"{_DAY.pattern}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]{{1,6}})?(Z|[+-][0-9]{{2}}:[0-9]{{2}})"
)


class TextField(serializers.CharField):
    """One line; what is blank around it is taken off first."""

    has_lines = False
    default_error_messages = {
        "invalid": _("Write a text."),
        "control_character": _("Write it without line breaks and other control characters."),
    }

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if holds_control_character(text, has_lines=self.has_lines):
            self.fail("control_character")
        return text


class LinesField(TextField):
    """A text of several lines."""

    has_lines = True


class YesNoField(serializers.BooleanField):
    default_error_messages = {"invalid": _("Write true or false.")}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class NumberField(serializers.IntegerField):
    default_error_messages = {"invalid": _("Write a whole number.")}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class DecimalField(serializers.DecimalField):
    """As a text: a number of JSON is a binary fraction to most readers, and loses cents."""

    default_error_messages = {"invalid": _('Write the number as a text, like "9.90".')}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not _DECIMAL.fullmatch(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class DayField(serializers.DateField):
    """`YYYY-MM-DD` and none of the other spellings of ISO 8601, within the years that feeds may
    name, too."""

    default_error_messages = {
        "invalid": _("Write a day as YYYY-MM-DD."),
        "out_of_range": _("Write a day between 1900 and 2199."),
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not _DAY.fullmatch(data):
            self.fail("invalid")
        day = super().to_internal_value(data)
        if not 1900 <= day.year < 2200:
            self.fail("out_of_range")
        return day


class MomentField(serializers.DateTimeField):
    """With its offset: without one nobody knows when it was. Within the years of days."""

    default_error_messages = {
        "invalid": _("Write a moment as 2026-06-01T10:00:00Z."),
        "out_of_range": _("Write a moment between 1900 and 2199."),
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not _MOMENT.fullmatch(data):
            self.fail("invalid")
        # Before it is moved to UTC, for which the ends of all time leave no room.
        if not 1900 <= int(data[:4]) < 2200:
            self.fail("out_of_range")
        return super().to_internal_value(data)


class ChoiceField(serializers.ChoiceField):
    """Its refusal names the choices, and does not say again what came in."""

    default_error_messages = {"invalid_choice": _("There are: {choices}.")}

    def to_internal_value(self, data: Any) -> Any:
        if data == "" and self.allow_blank:
            return ""
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", choices=", ".join(filter(None, self.choices)))
        return data


@extend_schema_field({"type": "string", "maxLength": 64, "examples": ["Europe/Berlin"]})
class TimeZoneField(TextField):
    """The name of a time zone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=64, validators=[validate_time_zone], **options)
