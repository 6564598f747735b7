import pytest

from cxcrm.demo.mailbox import Mailbox


@pytest.fixture
def mailbox(settings, tmp_path) -> Mailbox:
    """The mailbox of this test alone."""
    settings.VAR_DIR = tmp_path
    return Mailbox(tmp_path)


@pytest.fixture
def demo(settings, mailbox) -> None:
    settings.CXCRM_DEMO = True
