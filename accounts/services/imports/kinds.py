"""What a cell of a feed may hold: one kind per type of value, read from text or refused."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django_countries import countries

from cxcrm.base.time_zones import known_time_zones

_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PHONE_PUNCTUATION = re.compile(r"[\s().\-/']")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_REGION = re.compile(r"[A-Z0-9]{1,3}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_AMOUNT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_AMOUNT_WITH_COMMA = re.compile(r"-?[0-9]{1,20}(,[0-9]{1,20})?")
_is_address = EmailValidator()


@dataclass(frozen=True, slots=True)
class Notation:
    """How a feed writes days and amounts."""

    date_format: str = "%Y-%m-%d"
    decimal_comma: bool = False


class Kind(Protocol):
    def parse(self, text: str, notation: Notation) -> object:
        """The value of a cell that is not empty; ValueError says why it is none."""

    def describe(self) -> str:
        """What is allowed, for the documentation."""


def quoted(text: str) -> str:
    """A cell as it stands in a message: cut, and never at its beginning (formulas)."""
    return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"


@dataclass(frozen=True, slots=True)
class Text:
    longest: int

    def parse(self, text: str, notation: Notation) -> str:
        if len(text) > self.longest:
            raise ValueError(_("is longer than %d characters") % self.longest)
        if _CONTROL_CHARACTER.search(text):
            raise ValueError(_("holds a line break or another control character"))
        return text

    def describe(self) -> str:
        return f"text, up to {self.longest} characters"


@dataclass(frozen=True, slots=True)
class Choice:
    choices: type[TextChoices]

    def parse(self, text: str, notation: Notation) -> str:
        if text not in self.choices.values:
            raise ValueError(
                _("%(value)s is none of %(choices)s")
                % {"value": quoted(text), "choices": ", ".join(self.choices.values)}
            )
        return text

    def describe(self) -> str:
        return ", ".join(f"`{value}`" for value in self.choices.values)


@dataclass(frozen=True, slots=True)
class Country:
    def parse(self, text: str, notation: Notation) -> str:
        if text not in countries:
            raise ValueError(_("%s is no country code like DE") % quoted(text))
        return text

    def describe(self) -> str:
        return "ISO 3166-1 code like `DE`"


@dataclass(frozen=True, slots=True)
class Region:
    def parse(self, text: str, notation: Notation) -> str:
        if not _REGION.fullmatch(text):
            raise ValueError(_("%s is no region code like CA") % quoted(text))
        return text

    def describe(self) -> str:
        return "ISO 3166-2 code without the country, like `CA`"


@dataclass(frozen=True, slots=True)
class TimeZone:
    def parse(self, text: str, notation: Notation) -> str:
        if text not in known_time_zones():
            raise ValueError(_("%s is no time zone like Europe/Berlin") % quoted(text))
        return text

    def describe(self) -> str:
        return "name like `Europe/Berlin`"


@dataclass(frozen=True, slots=True)
class Address:
    def parse(self, text: str, notation: Notation) -> str:
        address = text.lower()
        try:
            _is_address(address)
        except ValidationError:
            raise ValueError(_("%s is no mail address") % quoted(text)) from None
        if len(address) > 254:
            raise ValueError(_("is longer than %d characters") % 254)
        return address

    def describe(self) -> str:
        return "mail address; kept in lower case"


@dataclass(frozen=True, slots=True)
class Phone:
    def parse(self, text: str, notation: Notation) -> str:
        number = _PHONE_PUNCTUATION.sub("", text)
        if number.startswith("00"):
            number = "+" + number[2:]
        if not _E164.fullmatch(number):
            raise ValueError(_("%s is no international number like +49721123456") % quoted(text))
        return number

    def describe(self) -> str:
        return "international number like `+49 721 123456`"


@dataclass(frozen=True, slots=True)
class Day:
    def parse(self, text: str, notation: Notation) -> date:
        try:
            day = datetime.strptime(text, notation.date_format).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            raise ValueError(
                _("%(value)s is no day of the form %(format)s")
                % {"value": quoted(text), "format": notation.date_format}
            ) from None
        if not 1900 <= day.year < 2200:
            raise ValueError(_("%s does not lie between 1900 and 2199") % quoted(text))
        return day

    def describe(self) -> str:
        return "day, `2026-01-31` unless the mapping sets `date_format`"


@dataclass(frozen=True, slots=True)
class Moment:
    """A day or an instant; without an offset it is meant in the customer's time zone."""

    def parse(self, text: str, notation: Notation) -> datetime:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            day = Day().parse(text, notation)
            return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - `in_zone` adds it

    def describe(self) -> str:
        return "day as above, or an instant like `2026-01-31T09:30:00+01:00`"


def in_zone(moment: datetime, time_zone: str) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))


@dataclass(frozen=True, slots=True)
class Whole:
    least: int
    most: int

    def parse(self, text: str, notation: Notation) -> int:
        if not _WHOLE.fullmatch(text):
            raise ValueError(_("%s is no whole number") % quoted(text))
        number = int(text)
        if not self.least <= number <= self.most:
            raise ValueError(
                _("%(value)s does not lie between %(least)d and %(most)d")
                % {"value": quoted(text), "least": self.least, "most": self.most}
            )
        return number

    def describe(self) -> str:
        return f"whole number, {self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of at least 0 and below `below` with two decimals, never rounded by us."""

    below: Decimal
    example: str = field(default="1234.50")

    def parse(self, text: str, notation: Notation) -> Decimal:
        form = _AMOUNT_WITH_COMMA if notation.decimal_comma else _AMOUNT
        if not form.fullmatch(text):
            example = self.example.replace(".", ",") if notation.decimal_comma else self.example
            raise ValueError(
                _("%(value)s is no number like %(example)s")
                % {"value": quoted(text), "example": example}
            )
        amount = Decimal(text.replace(",", "."))
        if not 0 <= amount < self.below:
            raise ValueError(
                _("%(value)s does not lie between 0 and %(below)s")
                % {"value": quoted(text), "below": self.below}
            )
        if amount != round(amount, 2):
            raise ValueError(_("%s has more than two decimals") % quoted(text))
        return amount

    def describe(self) -> str:
        return (
            f"number like `{self.example}`, below {self.below:,}, at most two decimals, no "
            "thousands separator; a comma where the mapping sets `decimal_comma`"
        )


@dataclass(frozen=True, slots=True)
class Currency:
    def parse(self, text: str, notation: Notation) -> str:
        if not _CURRENCY.fullmatch(text):
            raise ValueError(_("%s is no currency code like EUR") % quoted(text))
        return text

    def describe(self) -> str:
        return "ISO 4217 code like `EUR`"
