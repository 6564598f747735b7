"""The launcher starts dead children again and leaves nothing behind, however it ends."""

import os
import select
import signal
import subprocess
import sys

import pytest

from cxcrm.embedded.management.commands.run import name_base_url
from tests.embedded.conftest import REPOSITORY, is_alive

LAUNCHER = """
import sys
from cxcrm.embedded import launcher
launcher.SECONDS_BEFORE_RESTART = 0.01
launcher.SECONDS_TO_STOP = 1
children = [
    launcher.Child(f"child{number}", [sys.executable, "-c", program])
    for number, program in enumerate(sys.argv[2:])
]
try:
    launcher.launch(children, int(sys.argv[1]))
except launcher.LauncherError as error:
    sys.exit(str(error))
"""

PATIENT = """
import os, signal
os.write(1, f"pid {os.getpid()}\\n".encode())
signal.pause()
"""
FAMILY = """
import os, signal
if forked := os.fork():
    os.write(1, f"pid {os.getpid()}\\npid {forked}\\n".encode())
signal.pause()
"""
STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, f"pid {os.getpid()}\\n".encode())
while True:
    signal.pause()
"""
WEB = """
import http.server, os
print("pid", os.getpid(), flush=True)
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print("port", server.server_port, flush=True)
server.serve_forever()
"""


class Launcher:
    def __init__(self, *programs, port=1):
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, str(port), *programs],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )

    def read_pids(self, count):
        lines = [self.process.stdout.readline().split() for _ in range(count)]
        assert all(line[2] == "pid" for line in lines)
        return [int(line[3]) for line in lines]

    def end(self, signal_number):
        self.process.send_signal(signal_number)
        # The children write to the same pipe, so its end says that all of them are gone.
        return self.process.communicate()


@pytest.fixture
def launch():
    launchers = []

    def start(*programs, **options):
        launchers.append(Launcher(*programs, **options))
        return launchers[-1]

    yield start
    for launcher in launchers:
        launcher.process.kill()
        launcher.process.communicate()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_stops_all_even_those_that_do_not_want_to(launch, signal_number):
    launcher = launch(FAMILY, STUBBORN)
    pids = launcher.read_pids(3)
    output, errors = launcher.end(signal_number)
    assert launcher.process.returncode == 0
    assert output == "stopping\n"
    assert errors == ""
    assert not any(is_alive(pid) for pid in pids)


def test_kill_9_of_the_launcher_ends_its_children(launch):
    launcher = launch(PATIENT, PATIENT)
    pids = launcher.read_pids(2)
    ends = [os.pidfd_open(pid) for pid in pids]
    os.kill(launcher.process.pid, signal.SIGKILL)
    for end in ends:
        assert select.select([end], [], [], 10)[0]
        os.close(end)


def test_a_child_that_dies_is_started_again(launch):
    launcher = launch(FAMILY)
    parent, forked = launcher.read_pids(2)
    end = os.pidfd_open(forked)
    os.kill(parent, signal.SIGKILL)
    line = launcher.process.stdout.readline()
    assert line == "child0 was killed by SIGKILL; starting it again\n"
    assert select.select([end], [], [], 10)[0]
    os.close(end)
    assert len(launcher.read_pids(2)) == 2


def test_a_child_that_dies_again_and_again_stops_everything(launch):
    launcher = launch("raise SystemExit(3)", FAMILY)
    output, errors = launcher.process.communicate()
    assert launcher.process.returncode == 1
    assert output.count("child0 ended with status 3; starting it again") == 5
    assert len(errors.splitlines()) == 1
    assert "child0 ended with status 3, once more after 5 restarts" in errors


def test_the_address_is_announced_when_the_web_answers(launch):
    web = launch(WEB)
    web.read_pids(1)
    port = int(web.process.stdout.readline().split()[-1])
    watcher = launch(PATIENT, port=port)
    lines = {watcher.process.stdout.readline() for _ in range(2)}
    assert f"cxcrm is ready: http://127.0.0.1:{port}/\n" in lines


def test_links_in_mails_lead_to_the_port_that_cxcrm_runs_on(monkeypatch, settings):
    monkeypatch.setitem(os.environ, "CXCRM_BASE_URL", "unset below")
    monkeypatch.delitem(os.environ, "CXCRM_BASE_URL")

    name_base_url(8001)

    assert settings.CXCRM_BASE_URL == os.environ["CXCRM_BASE_URL"] == "http://127.0.0.1:8001"


def test_links_in_mails_lead_to_the_address_that_the_environment_names(monkeypatch, settings):
    monkeypatch.setitem(os.environ, "CXCRM_BASE_URL", "https://crm.example.com/")

    name_base_url(8001)

    assert settings.CXCRM_BASE_URL == "https://crm.example.com"
