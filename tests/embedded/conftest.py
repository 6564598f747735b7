import fcntl
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cxcrm.embedded.postgresql import PostgreSQL
from cxcrm.embedded.server import Server
from cxcrm.embedded.valkey import Valkey

REPOSITORY = Path(__file__).resolve().parents[2]

USER = """
import sys
from pathlib import Path
from cxcrm.embedded import EmbeddedError, use_servers
try:
    with use_servers(Path(sys.argv[1])) as addresses:
        print(*addresses, flush=True)
        sys.stdin.readline()
except EmbeddedError as error:
    sys.exit(str(error))
"""


class User:
    """A process that uses the servers until it is told to leave."""

    def __init__(self, var: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(var)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )

    def addresses(self) -> list[str]:
        """Waits until the user has its servers."""
        return self.process.stdout.readline().split()

    def leave(self) -> None:
        self.process.communicate("\n")

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def var() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="cxcrm-test-"))
    yield path
    wait_until_stopped(path)
    shutil.rmtree(path)


@pytest.fixture
def start_user(var: Path) -> Iterator[Callable[[], User]]:
    users: list[User] = []

    def start() -> User:
        users.append(User(var))
        return users[-1]

    yield start
    for user in users:
        user.kill()


def servers(var: Path) -> list[Server]:
    return [PostgreSQL(var), Valkey(var)]


def wait_for_lock(path: Path) -> None:
    """Return when nobody has the lock."""
    if path.exists():
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)


def wait_until_stopped(var: Path) -> None:
    """Return when no user, no keeper and no process of a server is left."""
    for server in servers(var):
        for name in ("users", "keeper", "server"):
            wait_for_lock(server.directory / f"{name}.lock")


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def postmaster_of(var: Path) -> int:
    return int((PostgreSQL(var).data / "postmaster.pid").read_text().split()[0])


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
