import os
from pathlib import Path

import pytest

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
