from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from cxcrm.embedded.launcher import Child, LauncherError, check_port, find_free_port, launch

WEB_WORKERS = 2
WEB_THREADS = 4
TASK_WORKERS = 2


class Command(BaseCommand):
    help = (
        "Runs all of cxcrm on this machine: migrates, loads the demo company in demo mode, then "
        "starts web, worker and beat until Ctrl-C. PORT names the port (8000)."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        port = read_port(os.environ.get("PORT") or "8000")
        try:
            check_port(port)
            name_base_url(port)
            self.migrate()
            self.load_demo()
            # The children open connections of their own; none should stay open here for days.
            connections.close_all()
            launch(children(port), port)
        except KeyboardInterrupt:
            return
        except LauncherError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            first_line = str(error).strip().partition("\n")[0]
            raise CommandError(f"the database of DATABASE_URL: {first_line}") from error

    def migrate(self) -> None:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            self.stdout.write(f"applying {len(plan)} migrations")
            self.stdout.flush()
        call_command("migrate", interactive=False, verbosity=0)

    def load_demo(self) -> None:
        if settings.CXCRM_DEMO and "load_demo" in get_commands():
            call_command("load_demo", if_empty=True)


def read_port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise CommandError(f"PORT must be a number from 1 to 65535, not {text!r}")
    return int(text)


def name_base_url(port: int) -> None:
    """Unless the environment says otherwise, links in mails lead to the port that this runs on,
    also those in the mails of the demo's past."""
    url = os.environ.setdefault("CXCRM_BASE_URL", f"http://127.0.0.1:{port}")
    settings.CXCRM_BASE_URL = url.rstrip("/")


def children(port: int) -> list[Child]:
    """The processes of cxcrm, as in the Procfile, and in demo mode the local mail server."""
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--quiet", "-A", "cxcrm"]
    schedule = Path(os.environ["CXCRM_VAR"], "celerybeat-schedule")
    gunicorn = ["gunicorn", "cxcrm.wsgi", "--bind", f"127.0.0.1:{port}"]
    size = ["--worker-class", "gthread", f"--workers={WEB_WORKERS}", f"--threads={WEB_THREADS}"]
    mail_port = str(find_free_port())
    mail = {}
    if settings.CXCRM_DEMO:
        mail = {
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": mail_port,
            "CXCRM_DEMO_SMTP_PORT": mail_port,
        }
    found = [
        Child("web", [*python, *gunicorn, *size, "--no-control-socket"], mail),
        Child("worker", [*celery, "worker", "-c", str(TASK_WORKERS)], mail | quiet_as_root()),
        Child("beat", [*celery, "beat", "--schedule", str(schedule)], mail),
    ]
    if settings.CXCRM_DEMO:
        found.append(Child("mail", [*python, "cxcrm.demo.mailserver"], mail))
    return found


def quiet_as_root() -> dict[str, str]:
    """Celery warns root of messages that are pickled code; ours are JSON."""
    if os.getuid() != 0:
        return {}
    return {"PYTHONWARNINGS": "ignore:::celery.platforms"}
