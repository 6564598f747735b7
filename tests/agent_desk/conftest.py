from collections.abc import Callable

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import ImportRun
from cxcrm.users.enums import Role
from tests.accounts.imports.feeds import AS_OF
from tests.agent_desk.uploading import GERMAN, to
from tests.factories import NOW, BrandFactory, UserFactory


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


@pytest.fixture
def upload(desk):
    """`upload(content)`: a manager's browser and the run that the upload made."""
    brand = BrandFactory(code="web", name="Web")

    def upload(content: bytes = GERMAN, **details):
        client = desk(Role.CX_MANAGER)
        given = {
            "file": SimpleUploadedFile("kunden.csv", content),
            "kind": "contracts",
            "as_of": AS_OF.isoformat(),
            "brand": brand.pk,
            "mapping": "",
        }
        client.answer = client.post(to("upload"), given | details)
        return client, ImportRun.objects.order_by("-pk").first()

    return upload
