import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from django.db import connection


@contextmanager
def copied_database() -> Iterator[str]:
    """A copy of the test database, to which this process and others commit; yields its URL.

    Truncating the test database afterwards, as transactional tests do, would also take away what
    migrations have written, such as the roles.
    """
    original = connection.settings_dict["NAME"]
    name = f"{original}_copy"
    connection.close()
    parameters = connection.get_connection_params() | {"dbname": "postgres"}
    for key in ("cursor_factory", "context"):
        parameters.pop(key, None)
    with psycopg.connect(**parameters, autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"')
        connection.settings_dict["NAME"] = name
        try:
            yield urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
        finally:
            connection.close()
            connection.settings_dict["NAME"] = original
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
