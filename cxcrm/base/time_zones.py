from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# Names that are no place: what the server itself is set to, and what is set to nothing.
_NO_PLACES = {"Factory", "localtime"}


@cache
def known_time_zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_PLACES)


def validate_time_zone(value: str) -> None:
    if value not in known_time_zones():
        raise ValidationError(
            _("%(zone)s is no time zone like Europe/Berlin."), params={"zone": value}
        )
