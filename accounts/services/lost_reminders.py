"""After a restore: reminders that the lost part of the database had decided, and perhaps sent."""

from datetime import datetime

from accounts.services.renewals import BATCH
from accounts.sql.lost_reminders import hold_due_reminders
from cxcrm.outbox.services import register_lost_work


def hold_lost_reminders(*, until: datetime, at: datetime) -> int:
    """Hold every reminder that was due at `until`, when the server that was lost sent its last
    mail, and that this database knows no decision about: people release or dismiss it, and nobody
    is reminded twice without them. In the caller's transaction. Answers how many."""
    count = 0
    while True:
        lost = hold_due_reminders(until=until, at=at, limit=BATCH)
        count += lost.held
        if lost.claimed < BATCH:
            return count


def register_lost_reminders() -> None:
    register_lost_work(hold_lost_reminders)
