from tests.processes.fixtures import deployment, migrated_database  # noqa: F401 - fixtures
