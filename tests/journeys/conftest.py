from tests.processes.fixtures import deployment  # noqa: F401 - a fixture
