import pytest

from tests.journeys.desk import Desk
from tests.processes.fixtures import deployment, migrated_database  # noqa: F401 - fixtures


@pytest.fixture
def desk(deployment) -> Desk:  # noqa: F811 - the fixture above
    """At a web process whose deployment waits for locks as long as a test may hold them."""
    deployment.environment["CXCRM_LOCK_TIMEOUT_MS"] = "60000"
    return Desk(deployment.start_web())
