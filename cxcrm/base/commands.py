"""What several commands take from their command line."""

from argparse import ArgumentTypeError
from datetime import date


def day(text: str) -> date:
    """The `type` of an argument that is a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no day like 2026-01-31.") from None
