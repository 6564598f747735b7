import pytest
from django.db import connection


@pytest.fixture
def database_away(transactional_db):
    """Nothing listens where the database should be."""
    place = {name: connection.settings_dict[name] for name in ("HOST", "PORT")}
    connection.close()
    connection.settings_dict.update(HOST="127.0.0.1", PORT="1")
    yield
    connection.close()
    connection.settings_dict.update(place)
