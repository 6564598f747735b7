"""How processes share a server that lives exactly as long as one of them.

A detached keeper process, one per server, owns the server. Three locks (flock, so that the kernel
releases them however a process ends) make counting, polling and cleaning up needless:

users.lock    shared by every user. The keeper waits for it exclusively: when it gets it, nobody is
              left, and newcomers wait until the server has stopped.
start.lock    held from looking for a keeper until the new one is ready, by the starter and by the
              keeper it starts: so a starter that is killed leaves no half-started keeper unseen.
keeper.lock   held by the keeper while it can be joined.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxcrm.embedded.server import EmbeddedError, Server, open_lock

READY = "ready"
IMPORT_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def share(server: Server) -> Iterator[str]:
    """Use the server, started where necessary; yields its address."""
    try:
        server.directory.mkdir(parents=True, exist_ok=True)
        if server.directory.stat().st_uid != os.getuid():
            raise PermissionError(0, "belongs to another user")
        users = open_lock(server.directory / "users.lock")
    except OSError as error:
        raise EmbeddedError(
            f"cannot use {server.directory} ({error.strerror}): run as its owner, name another "
            f"place in CXCRM_VAR, or set {server.variable} to a server of yours"
        ) from error
    try:
        fcntl.flock(users, fcntl.LOCK_SH)
        _ensure_keeper(server)
        yield server.url
    finally:
        # Closed, not unlocked: a child forked meanwhile has the same lock and remains a user.
        os.close(users)


def _ensure_keeper(server: Server) -> None:
    start = open_lock(server.directory / "start.lock")
    keeper = open_lock(server.directory / "keeper.lock")
    try:
        fcntl.flock(start, fcntl.LOCK_EX)
        try:
            fcntl.flock(keeper, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        report = _start_keeper(server, start, keeper)
        if report != READY:
            os.close(keeper)
            # It says so before it ends. The next starter must not take it for one to join.
            keeper = open_lock(server.directory / "keeper.lock")
            fcntl.flock(keeper, fcntl.LOCK_EX)
            raise EmbeddedError(
                report or f"{server.title} was stopped while it started; see {server.log}"
            )
    finally:
        os.close(keeper)
        os.close(start)


def _start_keeper(server: Server, start: int, keeper: int) -> str:
    """Start a keeper that inherits both locks; return its one line of report."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "cxcrm.embedded.keeper", server.name, str(server.var)]
    with open(reading) as report, server.log.open("ab") as log:
        try:
            # Waits only for the process that forks the keeper and ends.
            subprocess.run(
                [*command, str(start), str(keeper), str(writing)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=os.environ | {"PYTHONPATH": str(IMPORT_ROOT)},
                pass_fds=[start, keeper, writing],
                start_new_session=True,
            )
        finally:
            os.close(writing)
        return report.readline().rstrip("\n")
