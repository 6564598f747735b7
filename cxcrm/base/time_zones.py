from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

known_time_zones = cache(available_timezones)


def validate_time_zone(value: str) -> None:
    if value not in known_time_zones():
        raise ValidationError(
            _("%(zone)s is no time zone like Europe/Berlin."), params={"zone": value}
        )
