import time
from collections.abc import Callable

SECONDS_BETWEEN_LOOKS = 0.01


class NeverHappenedError(Exception):
    """What was waited for did not come about; no assertion, so that teeth cannot hide it."""


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Return once the condition holds, which another process or thread brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NeverHappenedError(f"{what}: not within {seconds} seconds")
        time.sleep(SECONDS_BETWEEN_LOOKS)
