"""Postmark's API as far as we use it, on this machine: it does what a test asks for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


@dataclass
class Provider:
    """`answers` are given first; a status of 0 hangs up, -1 keeps silent until the end."""

    log: list[tuple[dict, dict]] = field(default_factory=list)
    answers: list[tuple[int, dict]] = field(default_factory=list)
    port: int = 0
    is_over: Event = field(default_factory=Event)

    def answer_to(self, letter: dict) -> tuple[int, dict]:
        if self.answers:
            return self.answers.pop(0)
        number = f"0a129aee-{len(self.log)}"
        return 200, {"ErrorCode": 0, "Message": "OK", "MessageID": number, "To": letter["To"]}


@contextmanager
def provider_on_this_machine() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            letter = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            provider.log.append((dict(self.headers), letter))
            status, answer = provider.answer_to(letter)
            if status <= 0:
                self.close_connection = True
                if status < 0:
                    provider.is_over.wait(10)
                return
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        provider.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()
