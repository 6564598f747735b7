"""Lives through days: `python -m tests.journeys.play_days FIRST LAST`.

Does the work of each day through the door of `run_due`, and goes on to the next when the workers
have brought every mail of that day to its end. Prints each day with the moment when it began.
"""

import io
import sys
import time
from datetime import date, timedelta

import django
from django.core.management import call_command

django.setup()

from cxcrm.outbox.enums import MailState  # noqa: E402 - needs the set-up
from cxcrm.outbox.models import OutgoingMail  # noqa: E402 - after django.setup()
from tests.waiting import wait_until  # noqa: E402 - after django.setup()

SECONDS_FOR_A_DAY = 60


def play_days(first: date, last: date) -> None:
    day = first
    while day <= last:
        sys.stdout.write(f"{day} {time.time()}\n")
        call_command("run_due", as_of=day, stdout=io.StringIO())
        wait_until(nothing_is_on_its_way, SECONDS_FOR_A_DAY, f"the mails of {day}")
        day += timedelta(days=1)


def nothing_is_on_its_way() -> bool:
    return not OutgoingMail.objects.filter(state__in=MailState.LIVING).exists()


if __name__ == "__main__":
    play_days(date.fromisoformat(sys.argv[1]), date.fromisoformat(sys.argv[2]))
