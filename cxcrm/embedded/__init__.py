"""PostgreSQL and Valkey from their wheels, for machines where no server is named in the environment.

`use_servers` lends them to whoever needs them; `servers_for_command` does so for `manage.py`. The
servers live exactly as long as somebody uses them, see `sharing`. Nothing here imports Django, since
the settings need the addresses; only `apps` and `management` do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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

    `arguments` is `sys.argv`. A command that never connects only gets the addresses.
    """
    var = Path(os.environ.get("CXCRM_VAR") or REPOSITORY / "var").resolve()
    os.environ["CXCRM_VAR"] = str(var)
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
