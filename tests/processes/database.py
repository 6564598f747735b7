import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.db import connection

from cxcrm.embedded.postgresql import PostgreSQL


@contextmanager
def new_database(name: str, *, template: str = "template1", server: str = "") -> Iterator[str]:
    """A database for as long as the block lasts; yields its URL.

    It lies beside the one of the tests, or on the server of which any URL is given.
    """
    with psycopg.connect(url_of("postgres", server), autocommit=True) as place:
        place.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield url_of(name, server)
    finally:
        # Not over the connection from before: the server may have been killed meanwhile.
        with psycopg.connect(url_of("postgres", server), autocommit=True) as place:
            place.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def connected_to(name: str, *, host: str = "") -> Iterator[None]:
    """Django in this process works on another database, on that host's socket if one is named."""
    original = {key: connection.settings_dict[key] for key in ("NAME", "HOST")}
    connection.close()
    connection.settings_dict |= {"NAME": name} | ({"HOST": host} if host else {})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict |= original


def url_of(name: str, server: str = "") -> str:
    return urlsplit(server or os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


class OwnPostgreSQL(PostgreSQL):
    """A server of one experiment's own, which may die."""

    most_connections = 100

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.directory.mkdir(parents=True)

    def prepare(self, lock: int) -> list[str]:
        return [*super().prepare(lock), "-c", f"max_connections={self.most_connections}"]

    def fill(self, url: str, source: str) -> None:
        """Copy a database of any server into one of this."""
        dump = subprocess.run(
            [self.program("pg_dump"), "--no-owner", source], check=True, capture_output=True
        )
        subprocess.run(
            [self.program("psql"), "--quiet", "-v", "ON_ERROR_STOP=1", url],
            input=dump.stdout,
            check=True,
            capture_output=True,
        )

    def crash_and_return(self) -> None:
        """An immediate shutdown, as after `kill -9` of the server; back once it has recovered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        self.start()
