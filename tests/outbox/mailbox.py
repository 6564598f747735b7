"""A POP3 server on this machine, with one mailbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

USER, PASSWORD = "bounces", "se:same/@"


@dataclass
class MailboxServer:
    mails: list[bytes] = field(default_factory=list)
    fetched: list[int] = field(default_factory=list)
    port: int = 0
    # Hangs up instead of answering the goodbye, so that nothing is deleted.
    hangs_up: bool = False


@contextmanager
def mailbox_on_this_machine() -> Iterator[MailboxServer]:
    mailbox = MailboxServer()

    class Session(StreamRequestHandler):
        def handle(self) -> None:
            self.say("+OK")
            deleted: set[int] = set()
            user = ""
            for line in self.rfile:
                command, *arguments = line.decode().split()
                match command.upper():
                    case "USER":
                        user = arguments[0]
                        self.say("+OK")
                    case "PASS":
                        fits = (user, arguments[0]) == (USER, PASSWORD)
                        self.say("+OK" if fits else "-ERR no")
                    case "STAT":
                        self.say(f"+OK {len(mailbox.mails)} {sum(map(len, mailbox.mails))}")
                    case "LIST":
                        number = int(arguments[0])
                        self.say(f"+OK {number} {len(mailbox.mails[number - 1])}")
                    case "RETR":
                        number = int(arguments[0])
                        mailbox.fetched.append(number)
                        self.say("+OK")
                        for content in mailbox.mails[number - 1].splitlines():
                            self.wfile.write((b"." if content[:1] == b"." else b"") + content)
                            self.wfile.write(b"\r\n")
                        self.say(".")
                    case "DELE":
                        deleted.add(int(arguments[0]))
                        self.say("+OK")
                    case "QUIT":
                        if not mailbox.hangs_up:
                            mailbox.mails = [
                                content
                                for number, content in enumerate(mailbox.mails, start=1)
                                if number not in deleted
                            ]
                            self.say("+OK")
                        return

        def say(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        mailbox.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield mailbox
        finally:
            server.shutdown()
            thread.join()
