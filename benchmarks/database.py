"""The database that the benchmarks have to themselves."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import django
import psycopg

from cxcrm.embedded import servers_for_command

NAME = "cxcrm_bench"
REPOSITORY = Path(__file__).resolve().parents[1]


@contextmanager
def bench_database(*, url: str | None, make: bool, drop: bool) -> Iterator[None]:
    """Django set up on `url` as it is, else on `cxcrm_bench` beside the usual database.

    `make` creates that one where it is missing, `drop` removes it first. The web pages answer
    plain requests, as in a test.
    """
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "cxcrm.settings",
        "CXCRM_DEBUG": "0",
        "CXCRM_HTTPS": "0",
        "CXCRM_LOG_LEVEL": "ERROR",
        "CXCRM_REQUIRE_MFA": "0",
        "CXCRM_STATIC_ROOT": str(REPOSITORY / "cxcrm" / "static"),
        "CXCRM_TEST_MODE": "1",
        # What is measured is rolled back, so nobody is to be told of it.
        "REDIS_URL": "memory://",
    }
    os.environ.setdefault("CXCRM_SECRET_KEY", "only-for-benchmarks-" + "x" * 50)
    if url:
        os.environ["DATABASE_URL"] = url
    with servers_for_command(["benchmarks", "measure"]):
        if not url:
            server = os.environ["DATABASE_URL"]
            os.environ["DATABASE_URL"] = urlsplit(server)._replace(path=f"/{NAME}").geturl()
            if make:
                _make(server, drop=drop)
        django.setup()
        yield


def _make(server: str, *, drop: bool) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        if drop:
            connection.execute(f"DROP DATABASE IF EXISTS {NAME}")
        if not connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [NAME]
        ).fetchone():
            connection.execute(f"CREATE DATABASE {NAME}")
            # As on the embedded server: disks without heads read any page as fast as the next.
            connection.execute(f"ALTER DATABASE {NAME} SET random_page_cost = 1.1")
