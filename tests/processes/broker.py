import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from cxcrm.embedded.valkey import Valkey


class Broker(Valkey):
    """A Valkey of one experiment's own, which keeps nothing on disk and may be killed."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.directory.mkdir(parents=True)

    def prepare(self, lock: int) -> list[str]:
        return [*super().prepare(lock), "--appendonly", "no"]

    def kill(self) -> None:
        """`kill -9`; `start` brings it back on the same socket, empty."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def flush(self) -> None:
        with self._client() as client:
            client.flushall()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    @contextmanager
    def full(self) -> Iterator[None]:
        """It has no memory left for anything, and must not throw anything away."""
        with self._client() as client:
            client.config_set("maxmemory", "1mb")
            try:
                yield
            finally:
                client.config_set("maxmemory", "0")

    def _client(self) -> Redis:
        return Redis(unix_socket_path=os.fspath(self.socket))
