"""How handing a mail over can end, whoever takes it."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNCERTAIN = "uncertain"
    AWAY = "away"  # this mail was not taken, and the next would not be either


@dataclass(frozen=True)
class Answer:
    """`text` is for people; `provider_id` is the provider's own number of the mail."""

    verdict: Verdict
    text: str
    address_is_dead: bool = False
    provider_id: str = ""


class RelayAway(Exception):
    """No connection to the relay, or it does not want us."""
