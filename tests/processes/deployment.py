import os
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from cxcrm.embedded.launcher import find_free_port
from tests.processes.broker import Broker
from tests.processes.process import Process
from tests.processes.smtp_sink import SmtpSink
from tests.processes.supervisor import Supervisor
from tests.servers import REPOSITORY
from tests.waiting import wait_until

SWEEP_SECONDS = 2


class Deployment:
    """cxcrm as a company runs it, made fast: its processes, one database, one broker, one relay.

    Change `environment` before a process is made. Its processes are its supervisor's.
    """

    def __init__(self, directory: Path, database_url: str, broker: Broker, sink: SmtpSink) -> None:
        self.directory = directory
        self.broker = broker
        self.sink = sink
        self.supervisor = Supervisor()
        self.processes: list[Process] = []
        self.environment = os.environ | {
            "DATABASE_URL": database_url,
            "REDIS_URL": broker.url,
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(sink.port),
            "EMAIL_TIMEOUT": "5",
            "CXCRM_VAR": str(directory),
            "CXCRM_TEST_MODE": "1",
            "CXCRM_SWEEP_SECONDS": str(SWEEP_SECONDS),
            "CXCRM_MAIL_LEASE_SECONDS": "4",
            # One mail in the air per process; experiments with several say so.
            "CXCRM_MAIL_CONNECTIONS": "1",
            "CXCRM_MAIL_RETRY_SECONDS": "1",
            "CXCRM_MAIL_UNCERTAIN_SECONDS": "2",
            "CXCRM_QUIET_HOURS": "",
            # Celery warns root of messages that are pickled code; ours are JSON.
            "PYTHONWARNINGS": "ignore::RuntimeWarning:celery.platforms",
        }

    def start_worker(
        self, name: str = "worker", *, children: int = 0, altered: str = "", waits: bool = True
    ) -> Process:
        """A worker with so many pool children; with none it sends mails by itself.

        `altered` names what is different in it, see `tests.faults.altered`.
        """
        pool = ["--concurrency", str(children)] if children else ["--pool", "solo"]
        command = ("worker", "--hostname", f"{name}@%h", *pool)
        worker = self._celery(name, *command, ready=" ready.", altered=altered)
        if waits:
            worker.wait_until_ready()
        return worker

    def start_beat(self, name: str = "beat") -> Process:
        return self._celery(name, "beat", "--schedule", str(self.directory / name))

    def start_web(self, *, altered: str = "") -> str:
        """The address at which it answers, and that its links have."""
        port = find_free_port()
        address = self.environment["CXCRM_BASE_URL"] = f"http://127.0.0.1:{port}"
        workers = ("--worker-class", "gthread", "--workers", "2", "--threads", "4")
        program = ["gunicorn", "cxcrm.wsgi", "--bind", f"127.0.0.1:{port}", *workers]
        self._start("web", module(program, altered))
        wait_until(lambda: answers(f"{address}/health/live"), 60, "an answer of the web")
        return address

    def manage(self, *arguments: str) -> str:
        """Run a command through its own door and return what it printed."""
        return self.run("manage.py", *arguments)

    def run(self, *arguments: str, ends_by: int = 0) -> str:
        """Run a Python program that must end with this status, below 0 a signal."""
        finished = subprocess.run(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert finished.returncode == ends_by, finished.stdout + finished.stderr
        return finished.stdout

    def named(self, prefix: str) -> list[Process]:
        return [process for process in self.processes if process.name.startswith(prefix)]

    def tail_of_logs(self) -> str:
        return "\n".join(
            f"--- {process.name}\n" + "\n".join(process.log.read_text().splitlines()[-40:])
            for process in self.processes
            if process.log.exists()
        )

    def _celery(self, name: str, *arguments: str, ready: str = "", altered: str = "") -> Process:
        program = ["celery", "-A", "cxcrm", *arguments, "--loglevel", "INFO"]
        return self._start(name, module(program, altered), ready)

    def _start(self, name: str, arguments: list[str], ready: str = "") -> Process:
        process = Process(
            name,
            [sys.executable, *arguments],
            environment=self.environment,
            log=self.directory / f"{name}.log",
            ready=ready,
        )
        self.processes.append(process)
        self.supervisor.keep_running(process)
        wait_until(lambda: process.is_alive, 10, f"the start of {name}")
        return process


def module(program: list[str], altered: str) -> list[str]:
    return ["-m", *(("tests.faults.altered", altered) if altered else ()), *program]


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - an address of ours
            return answer.status == 200
    except OSError:  # not there yet, or still loading
        return False
