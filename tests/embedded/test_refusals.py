"""What cannot work is said in one clear line that tells what to do."""

import importlib.util
import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from cxcrm.embedded import EmbeddedError, servers_for_command, use_servers
from cxcrm.embedded.identities import nobody_identity
from cxcrm.embedded.launcher import LauncherError, check_port
from cxcrm.embedded.postgresql import PostgreSQL
from cxcrm.embedded.valkey import Valkey
from tests.embedded.conftest import REPOSITORY, postmaster_of

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


def manage(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        env=bare_environment() | environment,
        capture_output=True,
        text=True,
    )


def bare_environment():
    ours = ("DATABASE_URL", "REDIS_URL", "CXCRM_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def test_data_of_another_version_are_left_alone(var):
    data = PostgreSQL(var).data
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("17\n")
    result = manage("migrate", CXCRM_VAR=str(var))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert f"the data in {data} is of PostgreSQL 17, the embedded one is 18" in result.stderr
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_place_that_cannot_be_written_is_named(var):
    (var / "embedded").write_text("a file where a directory should be")
    result = manage("migrate", CXCRM_VAR=str(var))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert str(var / "embedded" / "postgres") in result.stderr


@pytest.mark.parametrize(
    "server_class", [pytest.param(PostgreSQL, id="postgres"), pytest.param(Valkey, id="valkey")]
)
def test_a_missing_wheel_is_named(var, server_class, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"is not installed: run `make setup`.*_URL"):
        server_class(var).prepare(lock=-1)


def test_a_socket_directory_that_is_open_to_others_is_refused(var):
    sockets = PostgreSQL(var).sockets
    sockets.mkdir()
    sockets.chmod(0o755)
    try:
        refused = pytest.raises(EmbeddedError, match=f"^{sockets} belongs to somebody else")
        with refused, use_servers(var):
            pass
    finally:
        sockets.rmdir()


@needs_root
def test_a_socket_directory_of_somebody_else_is_refused(var):
    sockets = Valkey(var).sockets
    sockets.mkdir(mode=0o700)
    os.chown(sockets, 4242, 4242)
    try:
        refused = pytest.raises(EmbeddedError, match=f"^{sockets} belongs to somebody else")
        with refused, use_servers(var):
            pass
    finally:
        sockets.rmdir()


@needs_root
def test_where_user_namespaces_are_barred_postgresql_runs_as_nobody(var):
    var.chmod(0o755)
    nobody = nobody_identity()
    server = PostgreSQL(var, [nobody])
    server.directory.mkdir(parents=True)
    if not nobody.can_run(server.program("postgres"), server.directory):
        pytest.skip("the user nobody cannot reach this virtual environment")
    server.start()
    try:
        assert Path(f"/proc/{postmaster_of(var)}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    finally:
        server.stop()

    with use_servers(var) as addresses, psycopg.connect(addresses.database_url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (42,)


def test_where_no_identity_works_a_server_of_ones_own_is_asked_for(var):
    with pytest.raises(EmbeddedError, match="set DATABASE_URL to a server of yours"):
        PostgreSQL(var, []).prepare(lock=-1)


def test_a_port_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LauncherError, match=rf"port {port} .*`PORT=\d+ make run`"):
            check_port(port)


@pytest.mark.parametrize("given", ["DATABASE_URL", "REDIS_URL"])
def test_only_the_server_that_is_not_named_is_started(var, given, monkeypatch):
    for name in ("DATABASE_URL", "REDIS_URL", "CXCRM_DEMO", "CXCRM_SECRET_KEY"):
        # Set first, so that what the code under test sets is undone as well.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("CXCRM_VAR", str(var))
    monkeypatch.setenv(given, "given")
    with servers_for_command(["manage.py", "migrate"]):
        started = {
            server.variable for server in (PostgreSQL(var), Valkey(var)) if server.sockets.exists()
        }
        assert started == {"DATABASE_URL", "REDIS_URL"} - {given}
        assert os.environ[given] == "given"


def test_a_command_that_never_connects_starts_nothing(var, monkeypatch):
    for name in ("DATABASE_URL", "REDIS_URL", "CXCRM_DEMO", "CXCRM_SECRET_KEY"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("CXCRM_VAR", str(var))
    with servers_for_command(["manage.py", "check"]):
        assert os.environ["DATABASE_URL"] == PostgreSQL(var).url
        assert not (var / "embedded").exists()
