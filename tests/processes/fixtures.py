import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes.broker import Broker
from tests.processes.database import connected_to, new_database
from tests.processes.deployment import Deployment
from tests.processes.smtp_sink import SmtpSink
from tests.servers import REPOSITORY


@pytest.fixture(scope="session")
def migrated_database() -> Iterator[str]:
    """The name of a database as `manage.py migrate` leaves it, to be copied.

    The database of pytest-django would not do: processes need committed rows, and to truncate
    it afterwards would take away what migrations have written, such as the roles.
    """
    name = f"cxcrm_processes_{os.getpid()}"
    with new_database(name) as url:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=REPOSITORY,
            env=os.environ | {"DATABASE_URL": url},
            check=True,
        )
        yield name


@pytest.fixture
def deployment(tmp_path: Path, migrated_database: str, django_db_blocker) -> Iterator[Deployment]:
    """cxcrm on a database, a broker and a mail server of the test's own; nothing runs yet.

    The test itself commits to the same database.
    """
    name = f"{migrated_database}_copy"
    with (
        new_database(name, template=migrated_database) as url,
        django_db_blocker.unblock(),
        connected_to(name),
        deployed(tmp_path, url) as deployment,
    ):
        yield deployment


@contextmanager
def deployed(directory: Path, url: str) -> Iterator[Deployment]:
    """A deployment on that database, with a broker and a mail server of its own."""
    broker = Broker(directory)
    sink = SmtpSink(directory)
    deployment = Deployment(directory, url, broker, sink)
    try:
        broker.start()
        sink.start()
        with deployment.supervisor:
            yield deployment
    finally:
        sink.stop()
        broker.stop()
        # Pytest shows it where the test has failed.
        sys.stdout.write(deployment.tail_of_logs())
