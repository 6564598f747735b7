"""Speaks SMTP and says how it ended; writes nothing."""

import re
import smtplib
from dataclasses import dataclass
from enum import Enum
from time import monotonic

import structlog
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address

logger = structlog.get_logger(__name__)

# Mailbox unknown, not local, name not allowed (RFC 5321); 5.7 is a relay's policy, which says
# nothing about the address (RFC 3463).
_NO_SUCH_ADDRESS = (550, 551, 553)


class Verdict(Enum):
    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class Answer:
    verdict: Verdict
    text: str
    address_is_dead: bool = False


class RelayAway(Exception):
    """No connection to the relay, or it does not want us."""


class AnswerLost(smtplib.SMTPException):
    """The mail went out, the answer did not come in: the relay may have the mail."""


class RecipientRefused(smtplib.SMTPResponseException):
    """The relay does not take mail for this address."""


class RelayBackend(EmailBackend):
    """Django's SMTP connection that keeps the relay's answer and knows when it was lost.

    `timeout` bounds a whole mail, not each of its commands, so that a lease can outlast it.
    """

    answer = ""

    def open(self) -> bool | None:
        """Connect and greet; a relay that does not greet us back is away, whatever the mail."""
        is_new = super().open()
        if is_new:
            try:
                self.connection.ehlo_or_helo_if_needed()
            except OSError:
                self.close()
                raise
        return is_new

    def _send(self, email_message: EmailMessage) -> bool:
        sender = sanitize_address(email_message.from_email, "utf-8")
        [recipient] = email_message.recipients()
        recipient = sanitize_address(recipient, "utf-8")
        content = email_message.message().as_bytes(linesep="\r\n")
        deadline = monotonic() + self.timeout
        try:
            self._begin(sender, recipient, deadline)
            code, text = self._hand_over(content, deadline)
        except smtplib.SMTPResponseException as refusal:
            self._forget(refusal.smtp_code)
            raise
        except OSError:
            self.close()
            raise
        self.answer = _line(code, text)
        return True

    def _begin(self, sender: str, recipient: str, deadline: float) -> None:
        eight_bit = ["BODY=8BITMIME"] if self.connection.has_extn("8bitmime") else []
        self._hurry(deadline)
        code, text = self.connection.mail(sender, eight_bit)
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, text, sender)
        self._hurry(deadline)
        code, text = self.connection.rcpt(recipient)
        if code not in (250, 251):
            raise RecipientRefused(code, text)

    def _hand_over(self, content: bytes, deadline: float) -> tuple[int, bytes]:
        """`SMTP.data` in its three steps, each of which may only take what is left of the time."""
        self._hurry(deadline)
        code, text = self.connection.docmd("DATA")
        if code != 354:
            raise smtplib.SMTPDataError(code, text)
        dotted = re.sub(rb"(?m)^\.", b"..", content).removesuffix(b"\r\n")
        try:
            self._hurry(deadline)
            self.connection.send(dotted + b"\r\n.\r\n")
            self._hurry(deadline)
            code, text = self.connection.getreply()
        except OSError as error:
            raise AnswerLost(str(error)) from error
        if 400 <= code <= 599:
            raise smtplib.SMTPDataError(code, text)
        if code != 250:
            raise AnswerLost(_line(code, text))
        return code, text

    def _hurry(self, deadline: float) -> None:
        if self.connection.sock:
            self.connection.sock.settimeout(max(deadline - monotonic(), 0.1))

    def _forget(self, code: int) -> None:
        """Make the connection fit for the next mail, or give it up (421: the relay hangs up)."""
        try:
            if code != 421 and self.connection.rset()[0] == 250:
                return
        except OSError:
            pass
        self.close()


def open_relay(connection: BaseEmailBackend) -> None:
    """Connect, unless connected already. Raises RelayAway."""
    try:
        connection.open()
    except OSError as error:
        raise RelayAway(f"{type(error).__name__}: {error}") from error


def hand_over(connection: BaseEmailBackend, message: EmailMessage) -> Answer:
    """Send one mail and sort the outcome; raises nothing."""
    try:
        connection.send_messages([message])
    except AnswerLost as error:
        return Answer(Verdict.UNCERTAIN, f"No answer after the mail was handed over: {error}")
    except smtplib.SMTPResponseException as refusal:
        text = _line(refusal.smtp_code, refusal.smtp_error)
        # 530: the relay wants a login, which concerns no mail but our settings.
        if 500 <= refusal.smtp_code <= 599 and refusal.smtp_code != 530:
            dead = (
                isinstance(refusal, RecipientRefused)
                and refusal.smtp_code in _NO_SUCH_ADDRESS
                and not text[4:].startswith("5.7.")
            )
            return Answer(Verdict.PERMANENT, text, address_is_dead=dead)
        return Answer(Verdict.TEMPORARY, text)
    except OSError as error:
        return Answer(Verdict.TEMPORARY, f"{type(error).__name__}: {error}")
    except Exception as error:
        # Nothing went over the wire: a header or an address that cannot be written.
        logger.exception("mail_not_written")
        return Answer(Verdict.PERMANENT, f"{type(error).__name__}: {error}")
    return Answer(Verdict.ACCEPTED, getattr(connection, "answer", ""))


def _line(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
