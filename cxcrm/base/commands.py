"""What several commands take from their command line."""

from argparse import ArgumentTypeError
from datetime import UTC, date, datetime


def day(text: str) -> date:
    """The `type` of an argument that is a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no day like 2026-01-31.") from None


def moment(text: str) -> datetime:
    """The `type` of an argument that is a moment; without an offset in UTC."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no moment like 2026-01-31T18:30Z.") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)
