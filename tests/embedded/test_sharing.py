"""The servers live exactly as long as somebody uses them, however the users and keepers end."""

import os
import signal
import threading

import psycopg
import redis

from cxcrm.embedded import use_servers
from tests.embedded.conftest import (
    is_alive,
    parent_of,
    postmaster_of,
    servers,
    wait_for_lock,
    wait_until_stopped,
)


def connect_redis(url):
    return redis.Redis.from_url(url.replace("redis+socket", "unix"))


def server_pids(var, redis_url):
    return [postmaster_of(var), connect_redis(redis_url).info("server")["process_id"]]


def wait_for_keepers_to_end(var):
    for server in servers(var):
        wait_for_lock(server.directory / "keeper.lock")


def test_two_users_share_the_servers_and_the_last_one_out_stops_them(var, start_user):
    first, second = start_user(), start_user()
    database_url, redis_url = first.addresses()
    assert second.addresses() == [database_url, redis_url]
    pids = server_pids(var, redis_url)

    first.leave()
    assert psycopg.connect(database_url).execute("SELECT 1").fetchone() == (1,)
    assert server_pids(var, redis_url) == pids

    second.leave()
    wait_until_stopped(var)
    assert not any(is_alive(pid) for pid in pids)
    assert not any(server.sockets.exists() for server in servers(var))


def test_a_user_that_is_killed_leaves_nothing_behind(var, start_user):
    user = start_user()
    _, redis_url = user.addresses()
    pids = server_pids(var, redis_url)
    user.kill()
    wait_until_stopped(var)
    assert not any(is_alive(pid) for pid in pids)


def test_a_starter_that_is_killed_at_any_moment_leaves_nothing_behind(var, start_user):
    with use_servers(var):
        pass
    for moment in (0.1, 0.2, 0.3, 0.4):
        user = start_user()
        threading.Timer(moment, user.process.kill).start()
        user.process.wait()
    with use_servers(var) as addresses:
        assert psycopg.connect(addresses.database_url).execute("SELECT 1").fetchone() == (1,)
        assert connect_redis(addresses.redis_url).ping()


def test_with_its_keeper_a_server_dies_and_the_next_user_finds_its_data(var, start_user):
    database_url, redis_url = start_user().addresses()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    connect_redis(redis_url).set("kept", "42")
    pids = server_pids(var, redis_url)
    for pid in pids:
        os.kill(parent_of(pid), signal.SIGKILL)
    wait_for_keepers_to_end(var)

    # No wait for the servers: the new keepers wait until the last process of the old ones is gone.
    with use_servers(var) as addresses:
        assert not any(is_alive(pid) for pid in pids)
        assert addresses == (database_url, redis_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (42,)
        assert connect_redis(redis_url).get("kept") == b"42"


def test_after_a_kill_of_everything_the_data_are_recovered(var, start_user):
    database_url, redis_url = start_user().addresses()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    for pid in server_pids(var, redis_url):
        keeper = parent_of(pid)
        os.kill(keeper, signal.SIGSTOP)  # so that it cannot start the server again
        os.kill(pid, signal.SIGKILL)
        os.kill(keeper, signal.SIGKILL)
    wait_for_keepers_to_end(var)
    with use_servers(var), psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (42,)


def test_a_server_that_dies_is_started_again_for_its_users(var, start_user):
    _, redis_url = start_user().addresses()
    client = connect_redis(redis_url)
    before = client.info("server")["process_id"]
    client.set("kept", "42")
    client.execute_command("WAITAOF", 1, 0, 5_000)
    os.kill(before, signal.SIGKILL)
    client.connection_pool.disconnect()
    client = redis.Redis.from_url(
        redis_url.replace("redis+socket", "unix"),
        retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 200),
        retry_on_error=[redis.exceptions.ConnectionError],
    )
    assert client.get("kept") == b"42"
    assert client.info("server")["process_id"] != before
