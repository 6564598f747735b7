import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cxcrm.embedded.processes import dying_with_parent
from tests.servers import REPOSITORY
from tests.waiting import wait_until


class Process:
    """A program in a session of its own, which may be started again; it dies with the tests."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: dict[str, str],
        log: Path,
        ready: str = "",
    ) -> None:
        """`ready` is what it prints when it is."""
        self.name = name
        self.command = command
        self.environment = environment
        self.log = log
        self.ready = ready
        self._popen: subprocess.Popen[bytes] | None = None
        self._log_begins = 0

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        self._log_begins = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env=self.environment | {"PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                preexec_fn=dying_with_parent(signal.SIGTERM),
            )

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Also where a supervisor has yet to start it again."""
        wait_until(lambda: self.is_alive and self._is_ready(), seconds, f"{self.name} ready")

    def kill(self) -> None:
        """`kill -9` it with all that it has forked."""
        if self._popen is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()

    def ask_to_end(self) -> None:
        if self.is_alive:
            os.kill(self.pid, signal.SIGTERM)

    def stop(self, seconds: float = 15) -> None:
        """Ask it to end, then make it end."""
        self.ask_to_end()
        if self._popen is not None:
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(seconds)
        self.kill()

    def _is_ready(self) -> bool:
        with self.log.open("rb") as log:
            log.seek(self._log_begins)
            return self.ready.encode() in log.read()
