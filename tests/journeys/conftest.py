import pytest

from tests.journeys.desk import Desk


@pytest.fixture
def desk(deployment) -> Desk:
    """At a web process whose deployment waits for locks as long as a test may hold them."""
    deployment.environment["CXCRM_LOCK_TIMEOUT_MS"] = "60000"
    return Desk(deployment.start_web())
