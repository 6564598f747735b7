"""What a cell of a feed may hold: one kind per type of value, read from text or refused."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Protocol

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django_countries import countries

from accounts.models.customers import REGION
from cxcrm.base.control_characters import holds_control_character
from cxcrm.base.time_zones import known_time_zones

_YES = frozenset(("yes", "true", "1"))
_NO = frozenset(("no", "false", "0"))
_PHONE_PUNCTUATION = re.compile(r"[\s().\-/']")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_REGION = re.compile(REGION)
_WHOLE = re.compile(r"[0-9]{1,9}")
_AMOUNT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_AMOUNT_WITH_COMMA = re.compile(r"-?[0-9]{1,20}(,[0-9]{1,20})?")
_is_address = EmailValidator()
# Shows in messages how a feed writes days: all of its parts differ.
_SOME_DAY = date(2026, 12, 31)
# No clock on earth is further from UTC than 14 hours; PostgreSQL reads up to 15.
_LARGEST_OFFSET = timedelta(hours=15)


@dataclass(frozen=True, slots=True)
class Notation:
    """How a feed writes days and amounts."""

    date_format: str = "%Y-%m-%d"
    decimal_comma: bool = False

    def write_day(self, day: date) -> str:
        return day.strftime(self.date_format)

    def write_number(self, plain: str) -> str:
        return plain.replace(".", ",") if self.decimal_comma else plain


class Kind(Protocol):
    # The type of the column that it is staged in.
    column: ClassVar[str]

    def parse(self, text: str, notation: Notation) -> object:
        """The value of a cell that is not empty; ValueError says why it is none."""

    def describe(self) -> str:
        """What is allowed, for the desk and the documentation."""


def quoted(text: str) -> str:
    """A cell as it stands in a message: cut, and never at its beginning (formulas)."""
    return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"


@dataclass(frozen=True, slots=True)
class Text:
    column: ClassVar[str] = "text"
    longest: int
    has_lines: bool = False

    def parse(self, text: str, notation: Notation) -> str:
        if len(text) > self.longest:
            raise ValueError(_("is longer than %d characters") % self.longest)
        if holds_control_character(text, has_lines=self.has_lines):
            raise ValueError(_("holds a line break or another control character"))
        return text

    def describe(self) -> str:
        return _("text, up to %d characters") % self.longest


@dataclass(frozen=True, slots=True)
class Reference:
    """The code of something that is there already; whoever reads rows looks it up."""

    column: ClassVar[str] = "bigint"

    def parse(self, text: str, notation: Notation) -> str:
        return text

    def describe(self) -> str:
        return _("code of one that is there")


@dataclass(frozen=True, slots=True)
class YesNo:
    column: ClassVar[str] = "boolean"

    def parse(self, text: str, notation: Notation) -> bool:
        word = text.lower()
        if word not in _YES and word not in _NO:
            raise ValueError(_("%s is neither yes nor no") % quoted(text))
        return word in _YES

    def describe(self) -> str:
        return ", ".join(sorted(_YES | _NO, reverse=True))


@dataclass(frozen=True, slots=True)
class Choice:
    column: ClassVar[str] = "text"
    choices: type[TextChoices]

    def parse(self, text: str, notation: Notation) -> str:
        if text not in self.choices.values:
            raise ValueError(
                _("%(value)s is none of %(choices)s")
                % {"value": quoted(text), "choices": ", ".join(self.choices.values)}
            )
        return text

    def describe(self) -> str:
        return ", ".join(self.choices.values)


@dataclass(frozen=True, slots=True)
class Country:
    column: ClassVar[str] = "text"

    def parse(self, text: str, notation: Notation) -> str:
        if text not in countries:
            raise ValueError(_("%s is no country code like DE") % quoted(text))
        return text

    def describe(self) -> str:
        return _("ISO 3166-1 code like DE")


@dataclass(frozen=True, slots=True)
class Region:
    column: ClassVar[str] = "text"

    def parse(self, text: str, notation: Notation) -> str:
        if not _REGION.fullmatch(text):
            raise ValueError(_("%s is no region code like CA") % quoted(text))
        return text

    def describe(self) -> str:
        return _("ISO 3166-2 code without the country, like CA")


@dataclass(frozen=True, slots=True)
class TimeZone:
    column: ClassVar[str] = "text"

    def parse(self, text: str, notation: Notation) -> str:
        if text not in known_time_zones():
            raise ValueError(_("%s is no time zone like Europe/Berlin") % quoted(text))
        return text

    def describe(self) -> str:
        return _("name like Europe/Berlin")


@dataclass(frozen=True, slots=True)
class Address:
    column: ClassVar[str] = "text"

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
        return _("mail address; kept in lower case")


@dataclass(frozen=True, slots=True)
class Phone:
    column: ClassVar[str] = "text"

    def parse(self, text: str, notation: Notation) -> str:
        number = _PHONE_PUNCTUATION.sub("", text)
        if number.startswith("00"):
            number = "+" + number[2:]
        if not _E164.fullmatch(number):
            raise ValueError(_("%s is no international number like +49721123456") % quoted(text))
        return number

    def describe(self) -> str:
        return _("international number like +49 721 123456")


def _check_year(day: date, text: str) -> None:
    if not 1900 <= day.year < 2200:
        raise ValueError(_("%s does not lie between 1900 and 2199") % quoted(text))


@dataclass(frozen=True, slots=True)
class Day:
    column: ClassVar[str] = "date"

    def parse(self, text: str, notation: Notation) -> date:
        try:
            day = datetime.strptime(text, notation.date_format).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            raise ValueError(
                _("%(value)s is no day of the form %(format)s")
                % {"value": quoted(text), "format": notation.write_day(_SOME_DAY)}
            ) from None
        _check_year(day, text)
        return day

    def describe(self) -> str:
        return _("day like 2026-01-31, or as the mapping's date_format says")


@dataclass(frozen=True, slots=True)
class Moment:
    """A day or an instant, in ISO form; without an offset it is meant where the customer lives,
    which the database knows: it is staged as text."""

    column: ClassVar[str] = "text"

    def parse(self, text: str, notation: Notation) -> str:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return f"{Day().parse(text, notation)}T00:00:00"
        _check_year(moment, text)
        offset = moment.utcoffset() or timedelta()
        if abs(offset) > _LARGEST_OFFSET or offset.microseconds:
            raise ValueError(_("%s has an offset from UTC that no place has") % quoted(text))
        return moment.isoformat()

    def describe(self) -> str:
        return _("day, or an instant like 2026-01-31T09:30:00+01:00")


@dataclass(frozen=True, slots=True)
class Whole:
    column: ClassVar[str] = "integer"
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
        return _("whole number, %(least)d to %(most)d") % {"least": self.least, "most": self.most}


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of at least 0 and below `below` with two decimals, never rounded by us."""

    column: ClassVar[str] = "numeric"
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
        return _("number like %(example)s, below %(below)s, at most two decimals") % {
            "example": self.example,
            "below": f"{self.below:,}",
        }


@dataclass(frozen=True, slots=True)
class Currency:
    column: ClassVar[str] = "text"

    def parse(self, text: str, notation: Notation) -> str:
        if not _CURRENCY.fullmatch(text):
            raise ValueError(_("%s is no currency code like EUR") % quoted(text))
        return text

    def describe(self) -> str:
        return _("ISO 4217 code like EUR")
