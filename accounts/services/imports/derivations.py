"""Days that a feed does not hold but that follow from what it holds; mappings name them."""

import zlib
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _

from accounts.services.imports.kinds import Notation, Whole

_TENURE = Whole(0, 1_200)


@dataclass(frozen=True, slots=True)
class Derivation:
    """`compute(as_of, *cells of the columns, *texts)`; ValueError says why there is no day."""

    columns: tuple[str, ...]
    texts: tuple[str, ...]
    compute: Callable[..., date | None]


def _start_from_tenure(as_of: date, tenure: str, spread_by: str) -> date:
    if not spread_by:
        raise ValueError(_("is missing"))
    months = _TENURE.parse(tenure, Notation())
    years, month = divmod(as_of.year * 12 + as_of.month - 1 - months, 12)
    started = date(years, month + 1, min(as_of.day, monthrange(years, month + 1)[1]))
    return started - timedelta(days=zlib.crc32(spread_by.encode()) % 28)


def _day_before_as_of_if(as_of: date, where: str, equals: str) -> date | None:
    return as_of - timedelta(days=1) if where == equals else None


DERIVATIONS = {
    # As-of minus whole months, spread over 28 days so that not all start on one day of the month.
    "start_from_tenure": Derivation(("tenure", "spread_by"), (), _start_from_tenure),
    "day_before_as_of_if": Derivation(("where",), ("equals",), _day_before_as_of_if),
}
