from datetime import datetime

from accounts.services.contracts import advance_contracts
from accounts.services.held_reminders import give_up_held_reminders
from accounts.services.receipts import open_tasks_for_undelivered_receipts
from accounts.services.renewals import (
    open_tasks_for_undelivered_reminders,
    plan_renewal_reminders,
)
from accounts.services.revenue import record_revenue_days


def run_due_work(*, at: datetime) -> dict[str, int]:
    """Do everything that is due for accounts at `at`: give up on mails that did not go out and on
    held reminders that nobody has decided, decide reminders, then start, end, reprice and renew
    contracts, then decide the reminders that only fell due by a renewal, and at last record the
    revenue of the days that are over.

    Reminders go first, so that a renewal which nobody was told of becomes a task before it is
    past. After an outage of several terms reminders and renewals take turns. May run at any time,
    again, and beside itself. Answers counts by what was done.
    """
    counts = {
        "letters": open_tasks_for_undelivered_receipts(at=at),
        "undelivered": open_tasks_for_undelivered_reminders(at=at),
        "expired": give_up_held_reminders(at=at),
    }
    counts |= plan_renewal_reminders(at=at)
    moved = advance_contracts(at=at)
    counts |= moved
    while moved["renewed"]:
        moved = plan_renewal_reminders(at=at) | advance_contracts(at=at)
        for name, count in moved.items():
            counts[name] += count
    counts["revenue_days"] = record_revenue_days(at=at)
    return counts
