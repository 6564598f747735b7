"""A mail server that delivers nowhere: `python -m tests.processes.smtp_server LOG MODE PORT`.

Of every mail it writes a line to LOG before it answers, of every connection and recipient one to
LOG with the ending `.tries`. MODE is a file that names, mail by mail, how it behaves.
"""

import asyncio
import json
import os
import signal
import socket
import struct
import sys
import time
import zlib
from email import message_from_bytes, policy
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

SLOW_SECONDS = 0.08
# Longer than any client of the experiments waits.
LATE_SECONDS = 30
AWAY = "421 4.3.2 not today"
RESET_WITHOUT_GOODBYE = struct.pack("ii", 1, 0)


class Sink:
    def __init__(self, log: Path, mode: Path) -> None:
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.tries = os.open(log.with_suffix(".tries"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.mode = mode
        self.known: set[str] = set()

    def connect(self) -> SMTP:
        self._note("", "connected")
        return SMTP(self, hostname="sink.test")

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        host: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = host
        return [AWAY] if self.mode.read_text() == "away" else responses

    async def handle_HELO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, host: str
    ) -> str:
        session.host_name = host
        return AWAY if self.mode.read_text() == "away" else "250 sink.test"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self._answer(address)
        self._note(address, answer[:3])
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    def _answer(self, address: str) -> str:
        mode = self.mode.read_text()
        is_new = address not in self.known
        self.known.add(address)
        if mode == "451" or (mode == "greylist" and is_new):
            return "451 4.3.0 come back later"
        if mode == "550-one-in-ten" and refuses(address):
            return "550 5.1.1 nobody of that name"
        return "250 2.1.5 fine"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        os.write(self.log, json.dumps(describe(envelope)).encode() + b"\n")
        mode = self.mode.read_text()
        if mode == "slow-250":
            await asyncio.sleep(SLOW_SECONDS)
        if mode == "late-250" or (mode == "tarpit-one-in-thirty" and tarpits(envelope.rcpt_tos[0])):
            await asyncio.sleep(LATE_SECONDS)
        if mode == "reset-after-data":
            connection = server.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_WITHOUT_GOODBYE)
            server.transport.abort()
        return "250 2.0.0 taken"

    def _note(self, recipient: str, answer: str) -> None:
        line = {"time": time.time(), "recipient": recipient, "answer": answer}
        os.write(self.tries, json.dumps(line).encode() + b"\n")


def refuses(address: str) -> bool:
    return zlib.crc32(address.encode()) % 10 == 0


def tarpits(address: str) -> bool:
    return zlib.crc32(address.encode()) % 30 == 0


def describe(envelope: Envelope) -> dict[str, object]:
    message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
    text = message.get_body(("plain",))
    return {
        "time": time.time(),
        "recipients": envelope.rcpt_tos,
        "message_id": message["Message-ID"],
        "mail": message["X-CXCRM-Mail"],
        "subject": message["Subject"],
        "text": text.get_content() if text else "",
        "pid": os.getpid(),
    }


async def serve(log: Path, mode: Path, port: int) -> None:
    sink = Sink(log, mode)
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    server = await asyncio.get_running_loop().create_server(sink.connect, "127.0.0.1", port)
    sys.stdout.write(f"listening on {server.sockets[0].getsockname()[1]}\n")
    await ending.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
