from datetime import UTC, datetime, time

import pytest

from cxcrm.base.quiet_hours import QuietHours, next_moment, parse_quiet_hours

NIGHT = QuietHours(time(21), time(7))
BERLIN = "Europe/Berlin"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "zone", "over_at"),
    [
        (utc(2026, 6, 1, 10), BERLIN, utc(2026, 6, 1, 10)),
        (utc(2026, 6, 1, 18, 59, 59), BERLIN, utc(2026, 6, 1, 18, 59, 59)),
        (utc(2026, 6, 1, 19), BERLIN, utc(2026, 6, 2, 5)),
        (utc(2026, 6, 1, 23), BERLIN, utc(2026, 6, 2, 5)),
        (utc(2026, 6, 2, 4, 59, 59), BERLIN, utc(2026, 6, 2, 5)),
        (utc(2026, 6, 2, 5), BERLIN, utc(2026, 6, 2, 5)),
        # The same moment is noon in one place and night in another.
        (utc(2026, 6, 1, 10), "America/Los_Angeles", utc(2026, 6, 1, 14)),
        (utc(2026, 6, 1, 10), "Pacific/Auckland", utc(2026, 6, 1, 19)),
        # The night in which clocks go forward is nine hours long, the other one eleven.
        (utc(2027, 3, 27, 20), BERLIN, utc(2027, 3, 28, 5)),
        (utc(2027, 10, 30, 19), BERLIN, utc(2027, 10, 31, 6)),
    ],
)
def test_quiet_hours_end_in_the_morning_of_the_zone(moment, zone, over_at):
    assert NIGHT.over_at(moment, zone) == over_at


def test_quiet_hours_may_lie_within_a_day():
    noon = QuietHours(time(12), time(14))

    assert noon.over_at(utc(2026, 6, 1, 10), BERLIN) == utc(2026, 6, 1, 12)
    assert noon.over_at(utc(2026, 6, 1, 12), BERLIN) == utc(2026, 6, 1, 12)
    assert noon.over_at(utc(2026, 6, 1, 9, 59), BERLIN) == utc(2026, 6, 1, 9, 59)


@pytest.mark.parametrize(
    ("end", "moment", "over_at"),
    [
        # 02:30 is skipped: clocks then show 03:30.
        (time(2, 30), utc(2027, 3, 28, 0, 30), utc(2027, 3, 28, 1, 30)),
        # 02:30 comes twice: the first is not the end, for 02:10 comes once more.
        (time(2, 30), utc(2027, 10, 31, 0, 10), utc(2027, 10, 31, 1, 30)),
        (time(2, 30), utc(2027, 10, 31, 1, 10), utc(2027, 10, 31, 1, 30)),
    ],
)
def test_quiet_hours_that_end_where_the_clocks_change(end, moment, over_at):
    assert QuietHours(time(21), end).over_at(moment, BERLIN) == over_at


def test_mail_that_would_come_too_late_goes_at_night():
    late, morning = utc(2026, 6, 1, 22), utc(2026, 6, 2, 5)

    def moment(useful_until):
        return next_moment(late, time_zone=BERLIN, useful_until=useful_until, quiet=NIGHT)

    assert moment(None) == morning
    assert moment(morning) == morning
    assert moment(utc(2026, 6, 2, 4, 59)) == late
    assert next_moment(late, time_zone=BERLIN, useful_until=None, quiet=None) == late


def test_quiet_hours_are_read_from_a_text():
    assert parse_quiet_hours("21:00-07:00") == NIGHT
    assert parse_quiet_hours("") is None


@pytest.mark.parametrize("text", ["21-7", "21:00", "24:00-07:00", "21:60-07:00", "07:00-07:00"])
def test_quiet_hours_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match=text):
        parse_quiet_hours(text)
