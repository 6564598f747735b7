from collections.abc import Callable

import pytest
import time_machine
from django.test import Client

from cxcrm.users.enums import Role
from tests.factories import NOW, UserFactory


@pytest.fixture(autouse=True)
def _at_ten_on_the_first_of_june():
    """Dialogs read the clock: it stands at `NOW`."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def desk(db) -> Callable[..., Client]:
    """`desk(Role.AGENT)`: the browser of somebody of that role; its login is `.user`."""

    def enter(role: Role, **details) -> Client:
        client = Client()
        client.user = UserFactory(role=role, **details)
        client.force_login(client.user)
        return client

    return enter
