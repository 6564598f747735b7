"""Plans the reminders of a day and kills itself: `... crashing_planner before|after DAY`.

After: when the transaction is committed, before the first of its hints goes to the broker.
Before: with everything written and nothing committed.
"""

import os
import signal
import sys
from datetime import date

import django
from django.db import transaction

django.setup()

from accounts.services.renewals import plan_renewal_reminders  # noqa: E402 - needs the set-up
from cxcrm.base import clock  # noqa: E402 - after django.setup()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def plan_and_die(moment: str, day: date) -> None:
    with transaction.atomic():
        if moment == "after":
            # What is registered first is called first.
            transaction.on_commit(die)
        plan_renewal_reminders(at=clock.instant_on(day))
        if moment == "before":
            die()


if __name__ == "__main__":
    plan_and_die(sys.argv[1], date.fromisoformat(sys.argv[2]))
