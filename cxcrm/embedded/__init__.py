"""PostgreSQL and Valkey from their wheels, for machines where the environment names no server.

`use_servers` lends them to whoever needs them; `servers_for_command` does so for `manage.py`. The
servers live exactly as long as somebody uses them, see `sharing`. Nothing here imports Django,
since the settings need the addresses; only `apps` and `management` do.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from cxcrm.embedded.postgresql import PostgreSQL
from cxcrm.embedded.server import EmbeddedError
from cxcrm.embedded.sharing import share
from cxcrm.embedded.valkey import Valkey

__all__ = ["EmbeddedError", "ServerAddresses", "servers_for_command", "use_servers"]

REPOSITORY = Path(__file__).resolve().parents[2]

COMMANDS_WITHOUT_SERVERS = {
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "help",
    "makemessages",
    "version",
}


class ServerAddresses(NamedTuple):
    database_url: str
    redis_url: str


@contextmanager
def use_servers(var: Path) -> Iterator[ServerAddresses]:
    """Both servers with their data under `var`, for the length of the `with` block.

    Starts them where nobody else has, waits until they answer, and raises `EmbeddedError` with one
    clear line where that is impossible. The last one out stops them.
    """
    with share(PostgreSQL(var)) as database_url, share(Valkey(var)) as redis_url:
        yield ServerAddresses(database_url, redis_url)


@contextmanager
def servers_for_command(arguments: Sequence[str]) -> Iterator[None]:
    """Name in the environment, for `manage.py` and its children, the servers that it leaves open.

    `arguments` is `sys.argv`. A command that never connects only gets the addresses. Without a
    DATABASE_URL this is a newcomer's machine, which also gets demo mode and a secret key of its own
    unless the environment says otherwise.
    """
    var = Path(os.environ.get("CXCRM_VAR") or REPOSITORY / "var").resolve()
    os.environ["CXCRM_VAR"] = str(var)
    if not os.environ.get("DATABASE_URL"):
        os.environ.setdefault("CXCRM_DEMO", "1")
        if "CXCRM_SECRET_KEY" not in os.environ:
            os.environ["CXCRM_SECRET_KEY"] = _keep_secret_key(var)
    with ExitStack() as stack:
        for server in (PostgreSQL(var), Valkey(var)):
            if not os.environ.get(server.variable):
                if _needs_servers(arguments):
                    stack.enter_context(share(server))
                os.environ[server.variable] = server.url
        yield


def _needs_servers(arguments: Sequence[str]) -> bool:
    asks_for_help = any(argument in ("-h", "--help", "--version") for argument in arguments)
    if asks_for_help or len(arguments) < 2:
        return False
    return arguments[1] not in COMMANDS_WITHOUT_SERVERS or "--database" in arguments


def _keep_secret_key(var: Path) -> str:
    """A key made once per machine, so that sessions and links survive a restart."""
    path = var / "secret-key"
    if not path.exists():
        draft = path.with_name(f"secret-key.{os.getpid()}")
        try:
            var.mkdir(parents=True, exist_ok=True)
            with open(draft, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(secrets.token_urlsafe(64))
            # Of two that start at once one wins; neither reads a half-written key.
            with suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
        except OSError as error:
            raise EmbeddedError(
                f"cannot write to {var} ({error.strerror}): name another place in CXCRM_VAR"
            ) from error
    return path.read_text()
