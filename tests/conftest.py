import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, connections

# Once for all that use them: a second copy would make the same database again.
from tests.processes.fixtures import deployment, migrated_database  # noqa: F401 - fixtures
from tests.servers import REPOSITORY

SHARED_DATA = Path(
    os.environ.get("CXCRM_SHARED_DATA", REPOSITORY.parent / "shared" / "data")
).resolve()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real feeds that lie beside the project on some machines; they are no part of it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data at {SHARED_DATA} (CXCRM_SHARED_DATA)")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def quick_password_hashes(settings):
    """Hashing is slow on purpose, which no test is about."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def other_session():
    """A thread with a connection of its own."""
    with ThreadPoolExecutor(max_workers=1) as session:
        yield session
        session.submit(connections.close_all).result()


@pytest.fixture
def database_away(transactional_db):
    """Nothing listens where the database should be."""
    place = {name: connection.settings_dict[name] for name in ("HOST", "PORT")}
    connection.close()
    connection.settings_dict.update(HOST="127.0.0.1", PORT="1")
    yield
    connection.close()
    connection.settings_dict.update(place)
