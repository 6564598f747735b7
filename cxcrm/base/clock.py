"""The one place that reads the clock. Edges and tasks call it; everything else is told the time."""

from datetime import UTC, date, datetime, time

from django.utils import timezone


def now() -> datetime:
    return timezone.now()


def instant_on(day: date) -> datetime:
    """An instant that lies on `day` in every zone from UTC-10 to UTC+13: 10:00 UTC."""
    return datetime.combine(day, time(10), tzinfo=UTC)
