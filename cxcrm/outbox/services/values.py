"""Values of frozen facts, in the way of the active language. What cannot be read raises."""

import re
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import dates, numbers
from django.utils.translation import get_language

# CLDR sets a space there, which Babel leaves out.
_LETTER_BEFORE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")


def day_in_words(value: date | str) -> str:
    """A date, or its ISO form: April 14, 2028."""
    if isinstance(value, str):
        value = date.fromisoformat(value)
    return dates.format_date(value, "long", locale=get_language())


def moment_in_words(value: datetime | str, zone: str) -> str:
    """A point in time, or its ISO form, on the clocks of a zone: June 1, 2026, 12:00 PM (Central
    European Summer Time). Its short names, like MESZ, HNP or +0200, are not known to everybody."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    language = get_language()
    there = value.astimezone(ZoneInfo(zone))
    day = dates.format_date(there, "long", locale=language)
    clock = dates.format_time(there, "short", locale=language)
    return f"{day}, {clock} ({dates.get_timezone_name(there, locale=language)})"


def money_in_words(amount: Decimal | str, currency: str) -> str:
    """An amount with its currency: $53.85, 53,85 €, CHF 53.85."""
    money = numbers.format_currency(Decimal(amount), currency, locale=get_language())
    return _LETTER_BEFORE_DIGIT.sub("\N{NO-BREAK SPACE}", money)


def percent_in_words(rate: Decimal | str) -> str:
    """A rate in percent: 19%, 7,7 %; nothing for 0."""
    rate = Decimal(rate)
    if not rate:
        return ""
    return numbers.format_percent(rate / 100, locale=get_language(), decimal_quantization=False)
