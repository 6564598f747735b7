import json
import os
import subprocess
import sys

import pytest

from cxcrm.base.links import seal
from cxcrm.base.logs import hide_secrets

TOKEN = seal("decide", 17, bound_to="")
SCRIPT = """
import logging, django, structlog
django.setup()
from django.test import Client
Client().get("/account/login/?next=/desk/&email=ada@hoster.test")
logging.getLogger("library").warning("refused %s", "ada@hoster.test")
try:
    raise ValueError("no such user: ada@hoster.test")
except ValueError:
    structlog.get_logger("ours").exception("failed", user_id=7)
"""


def test_logs_are_json_lines_that_name_nobody():
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "cxcrm.settings"}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        env=environment | {"CXCRM_ALLOWED_HOSTS": "testserver"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    request, library, ours = map(json.loads, result.stderr.splitlines())
    assert request["event"] == "request_finished"
    assert request["request"] == "GET /account/login/"
    assert {"code", "level", "milliseconds", "request_id", "timestamp", "user_id"} <= request.keys()
    assert (library["event"], library["level"]) == ("refused <address>", "warning")
    assert (ours["event"], ours["user_id"]) == ("failed", 7)
    assert "ValueError: no such user: <address>" in ours["exception"]
    assert "ada@" not in result.stderr


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"Forbidden (CSRF): /renewal/{TOKEN}/", "Forbidden (CSRF): /renewal/<link>/"),
        ("/renewal/17.abcdefghijklmnop/cancel/", "/renewal/<link>/cancel/"),
        ("took 0.123456789012345 s", "took 0.123456789012345 s"),
        ("for ada@hoster.test", "for <address>"),
    ],
)
def test_last_processor_hides_addresses_and_links(line, shown):
    assert hide_secrets(None, "info", line) == shown
