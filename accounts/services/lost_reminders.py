"""After a restore: reminders that the lost part of the database had decided, and perhaps sent."""

from datetime import datetime

from accounts.services.contracts import advance_contracts
from accounts.services.held_reminders import give_up_held_reminders
from accounts.services.policy_following import follow_changed_policies
from accounts.services.renewals import BATCH
from accounts.sql.lost_reminders import hold_due_reminders
from cxcrm.outbox.services import register_lost_work


def hold_lost_reminders(*, until: datetime, at: datetime) -> int:
    """Hold every reminder that was due at `until`, when the server that was lost sent its last
    mail, and that this database knows no decision about: people release or dismiss it, and nobody
    is reminded twice without them. In the caller's transaction. Answers how many.

    What the lost server did to contracts until then is done again first, for reminders follow
    from it: they follow policies that had changed, end and renew. Held reminders take turns with
    that as due ones do, so that one which nobody can decide any more becomes a task.
    """
    follow_changed_policies(at=until)
    count = 0
    while True:
        count += _hold_due(until, at)
        give_up_held_reminders(at=until)
        moved = advance_contracts(at=until)
        if not (moved["renewed"] or moved["ended"]):
            return count


def _hold_due(until: datetime, at: datetime) -> int:
    count = 0
    while True:
        lost = hold_due_reminders(until=until, at=at, limit=BATCH)
        count += lost.held
        if lost.claimed < BATCH:
            return count


def register_lost_reminders() -> None:
    register_lost_work(hold_lost_reminders)
