import os
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
        with Redis(unix_socket_path=os.fspath(self.socket)) as client:
            client.flushall()
