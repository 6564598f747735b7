"""Runs the processes of cxcrm side by side, for `manage.py run`.

Every line they print carries their name. A process that dies is started again; when the launcher
ends, in whichever way, all of them end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from time import monotonic

from cxcrm.embedded.processes import dying_with_parent

SECONDS_BEFORE_RESTART = 1
RESTARTS_PER_MINUTE = 5
SECONDS_TO_STOP = 8
LONGEST_LINE = 1024 * 1024
COLOURS = (36, 33, 35, 32)


class LauncherError(Exception):
    """Its text is one clear line: what is wrong, and what to do."""


@dataclass(frozen=True)
class Child:
    """One process of cxcrm: its name in the output, its command line, what it adds to the env."""

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)


def check_port(port: int) -> None:
    """Raise `LauncherError` where the port cannot be used."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LauncherError(
                f"cannot use port {port} ({error.strerror}): name another one, "
                f"as in `PORT={port + 1} make run`"
            ) from error


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def launch(children: Sequence[Child], port: int) -> None:
    """Run the children until Ctrl-C or SIGTERM, and stop them. `port` is where the web answers.

    Raises `LauncherError` when a child dies again and again; by then all are stopped.
    """
    with suppress(asyncio.CancelledError):
        asyncio.run(_launch(children, port))


async def _launch(children: Sequence[Child], port: int) -> None:
    launching = asyncio.current_task()
    assert launching is not None
    stopping = asyncio.Event()

    def stop() -> None:
        # Only once: a second Ctrl-C must not cut short the stopping of the children.
        if not stopping.is_set():
            stopping.set()
            say("stopping")
            launching.cancel()

    for stop_signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(stop_signal, stop)
    width = max(len(child.name) for child in children)
    try:
        async with asyncio.TaskGroup() as group:
            for child, colour in zip(children, COLOURS * len(children), strict=False):
                prefix = paint(f"{child.name:{width}} | ", colour)
                group.create_task(keep_running(child, prefix))
            group.create_task(announce(port))
    except* LauncherError as failures:
        raise failures.exceptions[0] from None


async def keep_running(child: Child, prefix: str) -> None:
    """Start the child again whenever it ends."""
    ends: deque[float] = deque(maxlen=RESTARTS_PER_MINUTE)
    while True:
        async with running(child, prefix) as process:
            status = describe(await process.wait())
        if len(ends) == RESTARTS_PER_MINUTE and monotonic() - ends[0] < 60:
            raise LauncherError(
                f"{child.name} {status}, once more after {RESTARTS_PER_MINUTE} restarts within a "
                f"minute: everything was stopped; the lines marked {child.name} say why"
            )
        ends.append(monotonic())
        say(f"{child.name} {status}; starting it again")
        await asyncio.sleep(SECONDS_BEFORE_RESTART)


@asynccontextmanager
async def running(child: Child, prefix: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The child as a process; at the end of the block nothing of its process group is left."""
    # A pipe of our own: with asyncio's, wait() would also wait for whatever the child forked.
    reading, writing = os.pipe()
    output = asyncio.create_task(copy_lines(reading, prefix))
    process = await asyncio.create_subprocess_exec(
        *child.command,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | child.environment,
        # A group of its own, so that Ctrl-C reaches the launcher only, and so that what the child
        # forked can be found when the child itself is gone.
        process_group=0,
        preexec_fn=dying_with_parent(signal.SIGTERM),
    )
    os.close(writing)
    try:
        yield process
    finally:
        signal_group(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_STOP):
                await process.wait()
                await output
        signal_group(process.pid, signal.SIGKILL)
        await process.wait()
        output.cancel()


async def copy_lines(pipe: int, prefix: str) -> None:
    """Print what comes through the pipe, until all that write to it are gone."""
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
    )
    with closing(transport):
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                line = b"(a line that is too long was left out)\n"
            if not line:
                return
            write_line(prefix + line.decode(errors="replace").rstrip("\r\n"))


async def announce(port: int) -> None:
    """Say the address once the web answers there."""
    request = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = await reader.readline()
            writer.close()
        except OSError:
            answer = b""
        if answer:
            say(f"cxcrm is ready: http://127.0.0.1:{port}/")
            return
        await asyncio.sleep(0.1)


def signal_group(group: int, signal_number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal_number)


def describe(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def paint(text: str, colour: int) -> str:
    return f"\033[{colour}m{text}\033[0m" if sys.stdout.isatty() else text


def say(line: str) -> None:
    write_line(paint(line, 1))


def write_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
