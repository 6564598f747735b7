from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.services.contracts import advance_contracts
from accounts.services.held_reminders import give_up_held_reminders
from accounts.services.policy_following import follow_policies
from accounts.services.receipts import open_tasks_for_undelivered_receipts
from accounts.services.renewals import note_reminder_endings, plan_renewal_reminders
from accounts.services.revenue import record_revenue_days
from cxcrm.base.errors import DomainError
from cxcrm.outbox.services import awaits_release


class WorkWaitsForRelease(DomainError):
    code = "work_waits_for_release"


def run_due_work(*, at: datetime) -> dict[str, int]:
    """Do everything that is due for accounts at `at`: take note of mails that are over and give
    up on those that did not go out and on held reminders that nobody has decided, decide
    reminders, then start, end, reprice and renew contracts, then decide the reminders that only
    fell due by a renewal or an end, record the revenue of the days that are over, and bring the
    contracts in line with policies that have changed.

    Reminders go first, so that a renewal which nobody was told of becomes a task before it is
    past. After an outage of several terms reminders and renewals take turns. May run at any time,
    again, and beside itself. Answers counts by what was done.

    Raises WorkWaitsForRelease in a copy of another database: what is due in it was perhaps done
    there. Once it is released, all is made up for, as after an outage.
    """
    if awaits_release():
        raise WorkWaitsForRelease(
            _("This database was restored or copied. Nothing is decided until mails are released.")
        )
    counts = {
        "letters": open_tasks_for_undelivered_receipts(at=at),
        "undelivered": note_reminder_endings(at=at),
        "expired": give_up_held_reminders(at=at),
    }
    moved = plan_renewal_reminders(at=at) | advance_contracts(at=at)
    counts |= moved
    while moved["renewed"] or moved["ended"]:
        moved = plan_renewal_reminders(at=at) | advance_contracts(at=at)
        _add(counts, moved)
    counts["revenue_days"] = record_revenue_days(at=at)
    counts["followed"] = follow_policies(at=at)
    if counts["followed"]:
        _add(counts, plan_renewal_reminders(at=at))
    return counts


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        counts[name] += count
