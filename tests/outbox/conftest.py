import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from cxcrm.outbox.enums import MailClass
from cxcrm.outbox.services import MailKind, kinds, register_mail_kind
from tests.outbox.letters import NOW, TEXTS, Letters, Relay, examples, placeholders


@pytest.fixture
def letters(monkeypatch, settings) -> Letters:
    """Kinds `letter` (a service mail) and `news` (one that needs a permission)."""
    settings.TEMPLATES = [
        {
            **settings.TEMPLATES[0],
            "DIRS": [Path(__file__).parent / "templates", *settings.TEMPLATES[0]["DIRS"]],
        },
    ]
    monkeypatch.setattr(kinds, "_kinds", {})
    letters = Letters()
    for name, mail_class in (("letter", MailClass.SERVICE), ("news", MailClass.NEWSLETTER)):
        register_mail_kind(
            MailKind(
                name=name,
                label=name,
                mail_class=mail_class,
                template="letters/letter",
                facts=letters.facts,
                refusal=letters.refusal,
                texts=TEXTS,
                placeholders=placeholders,
                examples=examples,
            )
        )
    return letters


@pytest.fixture
def code(letters) -> str:
    """A kind that somebody waits for."""
    register_mail_kind(replace(kinds.mail_kind("letter"), name="code", at_any_hour=True))
    return "code"


@pytest.fixture
def clock(time_machine) -> Callable[[timedelta], None]:
    """It stands at `NOW`; `clock(after)` sets it on."""
    time_machine.move_to(NOW, tick=False)
    return time_machine.shift


@pytest.fixture
def relay(settings, db) -> Iterator[Relay]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings.EMAIL_BACKEND = "cxcrm.outbox.services.delivery.relay.RelayBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = port
    relay = Relay()
    controller = Controller(relay, hostname="127.0.0.1", port=port)
    controller.start()
    relay.connections = 0
    yield relay
    controller.stop()
