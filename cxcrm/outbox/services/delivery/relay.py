"""Speaks SMTP and knows how it ended."""

import re
import smtplib
from time import monotonic

import structlog
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address

from cxcrm.outbox.enums import BounceKind
from cxcrm.outbox.rules.bounces import bounce_kind, is_about_relaying
from cxcrm.outbox.services.delivery.answers import Answer, Verdict

logger = structlog.get_logger(__name__)


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


def answer_of_relay(error: OSError) -> Answer:
    """Sort what was raised while a mail was handed over."""
    if isinstance(error, AnswerLost):
        return Answer(Verdict.UNCERTAIN, f"No answer after the mail was handed over: {error}")
    if not isinstance(error, smtplib.SMTPResponseException):
        return Answer(Verdict.TEMPORARY, f"{type(error).__name__}: {error}")
    text = _line(error.smtp_code, error.smtp_error)
    if not 500 <= error.smtp_code <= 599:
        return Answer(Verdict.TEMPORARY, text)
    if _is_about_us(error, text):
        logger.error("relay_refuses_us", status=error.smtp_code)
        return Answer(Verdict.TEMPORARY, text)
    # What is said of the content says nothing of the address.
    is_dead = isinstance(error, RecipientRefused) and bounce_kind(text) == BounceKind.HARD
    return Answer(Verdict.PERMANENT, text, address_is_dead=is_dead)


def _is_about_us(error: smtplib.SMTPResponseException, text: str) -> bool:
    """Our login (530), our sender or our right to relay: settings, here or there, are wrong, and
    the mail can go when they are mended."""
    if isinstance(error, smtplib.SMTPSenderRefused) or error.smtp_code == 530:
        return True
    return isinstance(error, RecipientRefused) and is_about_relaying(text)


def _line(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
