"""So many sweepers at the same moment, in one process: `python -m tests.faults.sweepers COUNT`."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import django
from django.db import DatabaseError, connection

django.setup()

from cxcrm.base import clock  # noqa: E402 - after django.setup()
from cxcrm.outbox.services import deliver_mails  # noqa: E402 - after django.setup()


def sweep(all_there: Barrier) -> None:
    all_there.wait()
    # Without its guards one stumbles over another; what counts is what was sent.
    with suppress(DatabaseError):
        deliver_mails(at=clock.now())
    connection.close()


if __name__ == "__main__":
    count = int(sys.argv[1])
    all_there = Barrier(count)
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(sweep, [all_there] * count))
