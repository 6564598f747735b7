"""The process that owns one embedded server: `python -m cxcrm.embedded.keeper`, see `sharing`.

When it is killed, the kernel tells the server to stop.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import traceback
from collections import deque
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from types import FrameType

from cxcrm.embedded.postgresql import PostgreSQL
from cxcrm.embedded.server import EmbeddedError, Server, open_lock
from cxcrm.embedded.sharing import READY
from cxcrm.embedded.valkey import Valkey

SECONDS_TO_START = 60
RESTARTS_PER_MINUTE = 5

SERVERS: dict[str, type[Server]] = {server.name: server for server in (PostgreSQL, Valkey)}


def keep(server: Server, start: int, keeper: int, report: int) -> None:
    """Run the server until nobody uses it.

    `start` and `keeper` are the inherited locks, `report` is where the starter reads one line.
    """
    try:
        try:
            start_in_time(server)
        except EmbeddedError as error:
            answer(report, str(error))
            raise
        except Exception as error:
            traceback.print_exc()
            answer(report, f"{server.title} did not start ({error}); see {server.log}")
            raise SystemExit(1) from error
        answer(report, READY)
        os.close(start)
        run_until_unused(server)
        # From here on newcomers start a keeper of their own, whose server waits for this one's
        # end. They could not tell this one from a living one if it were killed while it stops
        # the server, because the kernel releases a dead process's locks in no set order.
        os.close(keeper)
    finally:
        server.stop()


def start_in_time(server: Server) -> None:
    def give_up(signal_number: int, frame: FrameType | None) -> None:
        raise EmbeddedError(
            f"{server.title} did not answer within {SECONDS_TO_START} seconds; see {server.log}"
        )

    signal.signal(signal.SIGALRM, give_up)
    # Repeated, since a signal just before a blocking call does not wake it.
    signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_START, 1)
    try:
        server.start()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def run_until_unused(server: Server) -> None:
    """Wait until every user is gone; start the server again if it dies before that."""
    events: SimpleQueue[str] = SimpleQueue()
    users = open_lock(server.directory / "users.lock")

    def wait_for_users() -> None:
        fcntl.flock(users, fcntl.LOCK_EX)
        events.put("unused")

    def wait_for_server() -> None:
        if server.process is not None:
            server.process.wait()
        events.put("dead")

    Thread(target=wait_for_users, daemon=True).start()
    deaths: deque[float] = deque(maxlen=RESTARTS_PER_MINUTE)
    while True:
        Thread(target=wait_for_server, daemon=True).start()
        if events.get() == "unused":
            return
        if len(deaths) == RESTARTS_PER_MINUTE and monotonic() - deaths[0] < 60:
            raise EmbeddedError(f"{server.title} dies again and again")
        deaths.append(monotonic())
        sys.stderr.write(f"{server.title} died; starting it again\n")
        start_in_time(server)


def answer(report: int, line: str) -> None:
    # Without a reader the starter was killed. Where nobody else is about, the server stops at once.
    with suppress(BrokenPipeError):
        os.write(report, f"{line}\n".encode())
    os.close(report)


def main(arguments: list[str]) -> None:
    name, var, *descriptors = arguments
    # The starter waits for this process only: the keeper is init's child, never its zombie.
    if os.fork():
        os._exit(0)
    try:
        keep(SERVERS[name](Path(var)), *map(int, descriptors))
    except EmbeddedError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
