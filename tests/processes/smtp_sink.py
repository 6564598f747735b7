import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cxcrm.embedded.launcher import find_free_port
from tests.processes.process import Process

Mode = Literal[
    "ok",
    "slow-250",
    "late-250",  # after the client has given up
    "451",
    "greylist",  # 451 to the first try of each recipient
    "550-one-in-ten",
    "reset-after-data",
    "tarpit-one-in-thirty",  # as late-250, for those whom `smtp_server.tarpits` names
    "away",  # 421 to every greeting
]


@dataclass(frozen=True)
class TakenMail:
    """A mail as the mail server wrote it down, before it answered."""

    time: float
    recipients: list[str]
    message_id: str
    mail: str
    subject: str
    text: str
    pid: int


@dataclass(frozen=True)
class Try:
    """A recipient as the mail server answered it; of a connection without one."""

    time: float
    recipient: str
    answer: str


class SmtpSink:
    """The mail server of `smtp_server` and the truth about what reached it."""

    def __init__(self, directory: Path) -> None:
        self.port = find_free_port()
        self.log = directory / "mails.jsonl"
        self.log.touch()
        self._mode = directory / "smtp-mode"
        self._taken: list[TakenMail] = []
        self._bytes_read = 0
        self.process = Process(
            "smtp",
            [
                *(sys.executable, "-m", "tests.processes.smtp_server"),
                *(str(self.log), str(self._mode), str(self.port)),
            ],
            environment=dict(os.environ),
            log=directory / "smtp.log",
            ready="listening",
        )
        self.behave("ok")

    def behave(self, mode: Mode) -> None:
        """From the next mail on; to be closed, stop it."""
        draft = self._mode.with_suffix(".new")
        draft.write_text(mode)
        draft.replace(self._mode)

    def start(self) -> None:
        self.process.start()
        self.process.wait_until_ready()

    def stop(self) -> None:
        self.process.stop()

    def taken(self) -> list[TakenMail]:
        with self.log.open("rb") as log:
            log.seek(self._bytes_read)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._bytes_read += len(line)
                self._taken.append(TakenMail(**json.loads(line)))
        return self._taken

    def tries(self) -> list[Try]:
        """All that was asked for so far, refused or not."""
        lines = self.log.with_suffix(".tries").read_text().splitlines()
        return [Try(**json.loads(line)) for line in lines]

    def seconds_of_silence(self) -> float:
        """Since the last mail, or the last try: of thousands the first tries alone take a while."""
        logs = [self.log, self.log.with_suffix(".tries")]
        return time.time() - max(log.stat().st_mtime for log in logs if log.exists())
