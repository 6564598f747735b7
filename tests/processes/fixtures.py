import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.broker import Broker
from tests.processes.database import copied_database
from tests.processes.deployment import Deployment
from tests.processes.smtp_sink import SmtpSink


@pytest.fixture
def deployment(tmp_path: Path, django_db_setup, django_db_blocker) -> Iterator[Deployment]:
    """cxcrm on a database, a broker and a mail server of the test's own; nothing runs yet.

    The test itself commits to the same database.
    """
    broker = Broker(tmp_path)
    sink = SmtpSink(tmp_path)
    with django_db_blocker.unblock(), copied_database() as database_url:
        deployment = Deployment(tmp_path, database_url, broker, sink)
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
