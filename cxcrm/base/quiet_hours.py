"""The hours at which nobody wants mail, in the zone of whoever gets it.

`cxcrm.outbox.sql.gate` says the same as SQL; a test holds the two against each other.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` until before `end` on clocks on the wall; over midnight where it is later."""

    start: time
    end: time

    def over_at(self, moment: datetime, time_zone: str) -> datetime:
        """The same moment where it is not quiet there, else the one at which it ends."""
        there = moment.astimezone(ZoneInfo(time_zone))
        clock, is_over_midnight = there.time(), self.start > self.end
        if is_over_midnight:
            is_quiet = clock >= self.start or clock < self.end
        else:
            is_quiet = self.start <= clock < self.end
        if not is_quiet:
            return moment
        ends_tomorrow = is_over_midnight and clock >= self.start
        return instant(there.date() + timedelta(days=ends_tomorrow), self.end, time_zone)


@cache
def parse_quiet_hours(text: str) -> QuietHours | None:
    """Of `21:00-07:00`; None for an empty text. Raises ValueError."""
    if not text:
        return None
    hours = _HOURS.fullmatch(text)
    if hours is None:
        raise ValueError(f"{text!r} are no hours like 21:00-07:00.")
    first, second = time.fromisoformat(text[:5]), time.fromisoformat(text[6:])
    if first == second:
        raise ValueError(f"{text!r} would be the whole day.")
    return QuietHours(first, second)


def instant(day: date, clock: time, time_zone: str) -> datetime:
    """When clocks on the wall show this; the later moment where they show it twice or never.

    PostgreSQL's `AT TIME ZONE` decides alike.
    """
    there = datetime.combine(day, clock, tzinfo=ZoneInfo(time_zone))
    return max(there.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def next_moment(
    moment: datetime,
    *,
    time_zone: str,
    useful_until: datetime | None,
    quiet: QuietHours | None,
) -> datetime:
    """The first moment from this one on at which a mail may go.

    What would come too late is not kept: it goes at night.
    """
    if quiet is None:
        return moment
    over_at = quiet.over_at(moment, time_zone)
    return moment if useful_until and over_at > useful_until else over_at
