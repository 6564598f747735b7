"""A mail server that takes everything and keeps nothing, so that it is never what is measured."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized

ANSWERS = {
    b"EHLO": b"250-sink\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
_fork = get_context("fork")


class Session(asyncio.Protocol):
    def __init__(self, taken: Synchronized) -> None:
        self.taken = taken
        self.rest = b""
        self.in_letter = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while True:
            end = b"\r\n.\r\n" if self.in_letter else b"\r\n"
            line, found, rest = self.rest.partition(end)
            if not found:
                return
            self.rest = rest
            if self.in_letter:
                self.in_letter = False
                self.taken.value += 1
                self.transport.write(b"250 taken\r\n")
            else:
                command = line[:4].upper()
                self.in_letter = command == b"DATA"
                self.transport.write(ANSWERS.get(command, b"250 fine\r\n"))


async def _serve(port, taken: Synchronized) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(taken), "127.0.0.1", 0)
    port.value = server.sockets[0].getsockname()[1]
    await server.serve_forever()


@contextmanager
def sink() -> Iterator[tuple[int, Synchronized]]:
    """Its port, and how many mails it has taken."""
    port, taken = _fork.Value("i", 0), _fork.Value("i", 0)
    process = _fork.Process(target=lambda: asyncio.run(_serve(port, taken)), daemon=True)
    process.start()
    while not port.value:
        process.join(0.05)
    try:
        yield port.value, taken
    finally:
        process.terminate()
        process.join()
