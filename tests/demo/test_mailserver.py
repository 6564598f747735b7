import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from email.message import EmailMessage

import pytest

from tests.servers import REPOSITORY

COMMAND = [sys.executable, "-m", "cxcrm.demo.mailserver"]
SECONDS_TO_START = 30


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def mailserver(mailbox, port):
    environment = os.environ | {
        "CXCRM_VAR": str(mailbox.directory.parent),
        "CXCRM_DEMO_SMTP_PORT": str(port),
    }
    with subprocess.Popen(COMMAND, env=environment, cwd=REPOSITORY) as process:
        yield process
        process.kill()


def connect(port: int) -> smtplib.SMTP:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            return smtplib.SMTP("127.0.0.1", port, timeout=10)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.mark.django_db
def test_mailserver_keeps_what_is_sent_and_stops_when_told(mailserver, port, demo, client):
    message = EmailMessage()
    message["From"] = "mail@brand.example"
    message["To"] = "anna@customers.example"
    message["Subject"] = "Ihr Vertrag verlängert sich"
    message.set_content("Guten Tag\n.\nzwei Punkte")

    with connect(port) as relay:
        relay.send_message(message)
        [letter] = client.get("/mailbox/").context["page"].object_list
        mailserver.send_signal(signal.SIGTERM)
        assert mailserver.wait(10) == 0

    page = client.get(f"/mailbox/{letter.key}/").content.decode()
    assert letter.subject == "Ihr Vertrag verlängert sich"
    assert "Guten Tag\n.\nzwei Punkte" in page.replace("\r\n", "\n")


def test_mailserver_says_in_one_line_what_it_misses():
    environment = {
        name: value for name, value in os.environ.items() if name != "CXCRM_DEMO_SMTP_PORT"
    }

    ended = subprocess.run(
        COMMAND, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert "CXCRM_DEMO_SMTP_PORT" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_mailserver_says_in_one_line_that_its_port_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            COMMAND,
            env=os.environ | {"CXCRM_VAR": str(tmp_path), "CXCRM_DEMO_SMTP_PORT": port},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )

    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert ended.stderr.count("\n") == 1
