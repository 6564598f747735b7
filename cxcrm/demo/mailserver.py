"""`python -m cxcrm.demo.mailserver`: takes every mail of the demo and keeps it in the mailbox.

Listens on 127.0.0.1, port CXCRM_DEMO_SMTP_PORT; ends on SIGTERM.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from cxcrm.demo.mailbox import Mailbox


class Keeper:
    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        key = self.mailbox.keep(envelope.original_content, arrived_at=time.time())
        return f"250 kept as {key}"


async def serve(port: int, mailbox: Mailbox) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop_signal, stopping.set)
    keeper = Keeper(mailbox)
    server = await loop.create_server(
        lambda: SMTP(keeper, hostname="localhost", ident="cxcrm demo", loop=loop),
        "127.0.0.1",
        port,
    )
    await stopping.wait()
    server.close()


def main() -> None:
    try:
        port = int(os.environ["CXCRM_DEMO_SMTP_PORT"])
        mailbox = Mailbox(Path(os.environ["CXCRM_VAR"]))
    except (KeyError, ValueError) as error:
        sys.exit(f"set CXCRM_DEMO_SMTP_PORT to a port and CXCRM_VAR to a directory ({error})")
    try:
        asyncio.run(serve(port, mailbox))
    except OSError as error:
        sys.exit(f"cannot take mail on 127.0.0.1:{port}: {error.strerror}")


if __name__ == "__main__":
    main()
