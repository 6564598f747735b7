import pytest

from cxcrm.celery import app
from cxcrm.outbox.enums import MailState
from cxcrm.outbox.services import DELIVER_MAILS
from tests.outbox.letters import mail

pytestmark = pytest.mark.django_db


def test_delivery_task_is_known_by_its_name_and_bears_unknown_arguments(letters, relay):
    letters.queue("a@example.com")

    app.loader.import_default_modules()
    app.tasks[DELIVER_MAILS].run(of_a_younger_release=1)

    assert mail().state == MailState.ACCEPTED
    assert relay.recipients == ["a@example.com"]
