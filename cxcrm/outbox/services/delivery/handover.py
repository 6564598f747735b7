"""Hands one mail to whoever takes it, and says how it ended; writes nothing."""

import smtplib

import structlog
from anymail.exceptions import AnymailError
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from cxcrm.base.logs import fault_facts
from cxcrm.outbox.services.delivery.answers import Answer, RelayAway, Verdict
from cxcrm.outbox.services.delivery.providers import answer_of_provider, ask_once
from cxcrm.outbox.services.delivery.relay import answer_of_relay
from cxcrm.outbox.services.lines import line_to_keep

logger = structlog.get_logger(__name__)


def open_relay(connection: BaseEmailBackend) -> None:
    """Connect, unless connected already. Raises RelayAway."""
    try:
        connection.open()
    except OSError as error:
        raise RelayAway(f"{type(error).__name__}: {error}") from error


def hand_over(connection: BaseEmailBackend, message: EmailMessage) -> Answer:
    """Send one mail and sort the outcome; raises nothing."""
    try:
        ask_once(connection, message)
        connection.send_messages([message])
    except AnymailError as error:
        return answer_of_provider(error)
    except (smtplib.SMTPException, OSError) as error:
        return answer_of_relay(error)
    except Exception as error:
        # Nothing went over the wire: a header or an address that cannot be written.
        logger.error("mail_not_written", **fault_facts(error))
        return Answer(Verdict.PERMANENT, f"{type(error).__name__}: {error}")
    status = getattr(message, "anymail_status", None)
    if status is None:
        return Answer(Verdict.ACCEPTED, getattr(connection, "answer", ""))
    return Answer(
        Verdict.ACCEPTED,
        ", ".join(sorted(status.status)),
        provider_id=line_to_keep(str(status.message_id or ""), limit=200),
    )


def relay_name(connection: BaseEmailBackend) -> str:
    """Who takes mails over this connection: host and port, or the provider."""
    provider = getattr(connection, "esp_name", "")
    if provider:
        return provider
    host = getattr(connection, "host", "")
    port = getattr(connection, "port", "")
    return f"{host}:{port}"[:100] if host else type(connection).__module__[:100]
