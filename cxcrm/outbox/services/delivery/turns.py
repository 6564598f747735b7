"""What the connections of one process share while they deliver: claims, counts and an end."""

from collections import Counter, deque
from datetime import datetime
from functools import cached_property
from threading import Condition, get_ident
from time import monotonic

from django.conf import settings

from cxcrm.base.processes import process_name
from cxcrm.outbox.services.delivery.answers import RelayAway
from cxcrm.outbox.services.delivery.throttle import slow_domains
from cxcrm.outbox.services.wording import WordingsInForce
from cxcrm.outbox.sql.mails import Claim, claim_due_mails

BATCH = 20
# A mail that takes longer hangs: the other connections do not wait for its end.
HANGS_AFTER = 3.0


class Turn:
    """Hands out claimed mails, one by one, to as many threads as ask for them.

    It is over when nothing is due, when `seconds` are, when the relay is away or when somebody
    ends it. Threads finish the mail that they are at. While one of them hangs, the others go on
    beyond the end: the process could do nothing else meanwhile.
    """

    def __init__(self, *, at: datetime, seconds: float) -> None:
        self.at = at
        self.counts: Counter[str] = Counter()
        self.wordings = WordingsInForce()
        self.away: RelayAway | None = None
        self.is_time_up = False
        self._seconds = seconds
        self._stop_at = monotonic() + seconds
        self._is_over = False
        self._claims: deque[Claim] = deque()
        self._since: dict[int, float] = {}
        self._changed = Condition()

    @cached_property
    def slow_domains(self) -> frozenset[str]:
        return slow_domains()

    def fill(self) -> int:
        """Claim a batch; answers how many mails are at hand."""
        self._claims.extend(
            claim_due_mails(
                worker=process_name(),
                lease_seconds=settings.CXCRM_MAIL_LEASE_SECONDS,
                limit=BATCH,
            )
        )
        return len(self._claims)

    def take(self) -> Claim | None:
        """The next mail for this thread, which is done with the one before; None at the end."""
        with self._changed:
            self._since.pop(get_ident(), None)
            self._changed.notify_all()
            if self._is_ending() or not (self._claims or self.fill()):
                return None
            self._since[get_ident()] = monotonic()
            return self._claims.popleft()

    def count(self, result: str, number: int = 1) -> None:
        with self._changed:
            self.counts[result] += number

    def end(self, *, away: RelayAway | None = None) -> None:
        with self._changed:
            self.away = self.away or away
            self._is_over = True
            self._since.pop(get_ident(), None)
            self._changed.notify_all()

    def left(self) -> list[Claim]:
        """Claims that nobody came to."""
        return list(self._claims)

    def _is_ending(self) -> bool:
        if not self._is_over and monotonic() >= self._stop_at:
            self.is_time_up = True
            if self._somebody_hangs():
                self._stop_at = monotonic() + self._seconds
                self.is_time_up = False
            else:
                self._is_over = True
        return self._is_over

    def _somebody_hangs(self) -> bool:
        """Wait for the other threads to finish their mails, but not for one that hangs."""
        while self._since and not self._is_over:
            patience = min(self._since.values()) + HANGS_AFTER - monotonic()
            if patience <= 0:
                return True
            self._changed.wait(patience)
        return False
