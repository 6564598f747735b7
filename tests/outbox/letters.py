"""A mail server and a kind of mail that do what a test asks for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import connection

from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import (
    MailExample,
    MailRequest,
    MailText,
    queue_mails,
    remember_addresses,
)
from cxcrm.outbox.services.values import day_in_words, money_in_words

NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)
BRAND = {
    "name": "Nordlicht",
    "legal_name": "Nordlicht Hosting GmbH",
    "imprint": "Marktplatz 1\n76131 Karlsruhe",
    "base_url": "https://nordlicht.example",
    "accent_colour": "#1d4ed8",
    "sender_name": "Nordlicht",
    "sender_address": "mail@nordlicht.example",
    "service_address": "service@nordlicht.example",
    "service_phone": "+49721123456",
}


TEXTS = (
    MailText("subject", "subject", "For {name}: {price}", ("name", "price"), in_one_line=True),
    MailText("opening", "opening", "Dear {name}, {price} by {day}.", ("name", "price", "day")),
    MailText("extra", "extra", ""),
)


def placeholders(facts: dict) -> dict[str, str]:
    return {
        "name": facts["recipient_name"],
        "price": money_in_words(facts["amount"], "EUR"),
        "day": day_in_words(facts["day"]),
    }


def examples(brand: dict[str, str], on: date) -> list[MailExample]:
    facts = {
        "brand": brand,
        "recipient_name": "Rosa Morgenrot",
        "amount": Decimal("53.85"),
        "day": on,
    }
    return [MailExample("letter", "A letter", facts)]


@dataclass
class Letters:
    """A kind of mail that says what the test wants."""

    names: dict[int, str] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)
    brand: dict[str, str] = field(default_factory=lambda: dict(BRAND))
    asked_at: list[datetime] = field(default_factory=list)
    while_writing: Callable[[], None] = lambda: None

    def facts(self, subject_id: int, at: datetime) -> dict:
        self.asked_at.append(at)
        self.while_writing()
        return {
            "brand": self.brand,
            "recipient_name": self.names.get(subject_id, "Ada Lovelace"),
            "amount": Decimal("53.85"),
            "day": date(2028, 4, 14),
        }

    def refusal(self, subject_id: int, at: datetime) -> str | None:
        return self.refusals.get(subject_id)

    def queue(self, *addresses: str, kind: str = "letter", language: str = "en", at=NOW) -> int:
        """One mail per address; the subject is its number, from 1."""
        ids = remember_addresses(addresses=addresses)
        requests = [
            MailRequest(
                subject_id=number, address_id=ids[address], language=language, account_id=None
            )
            for number, address in enumerate(addresses, start=1)
        ]
        return queue_mails(kind=kind, requests=requests, at=at)


@dataclass
class Relay:
    """An SMTP server that notes what it was handed before it answers."""

    log: list[tuple[str, EmailMessage]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    at_sender: str = ""
    at_recipient: dict[str, str] = field(default_factory=dict)
    at_end: dict[str, str] = field(default_factory=dict)
    # A recipient whose mail is not answered until so many others have come.
    hangs: dict[str, int] = field(default_factory=dict)
    taken: asyncio.Condition = field(default_factory=asyncio.Condition)
    connections: int = 0

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _message in self.log]

    async def handle_MAIL(self, server: SMTP, session, envelope: Envelope, address, options):  # noqa: N802 - aiosmtpd's name
        self.senders.append(address)
        if self.at_sender:
            return self.at_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_EHLO(self, server: SMTP, session: Session, envelope, hostname, responses):  # noqa: N802 - aiosmtpd's name
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server: SMTP, session, envelope: Envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if address in self.at_recipient:
            return self.at_recipient[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session, envelope: Envelope):  # noqa: N802 - aiosmtpd's name
        [recipient] = envelope.rcpt_tos
        async with self.taken:
            self.log.append((recipient, message_from_bytes(envelope.content, policy=policy.strict)))
            self.taken.notify_all()
            await self.taken.wait_for(lambda: len(self.log) > self.hangs.get(recipient, -1))
        answer = self.at_end.get(recipient, f"250 2.0.0 OK: queued as {len(self.log)}")
        if answer == "reset":
            server.transport.abort()
        return answer


def mail(subject_id: int = 1) -> OutgoingMail:
    return OutgoingMail.objects.get(subject_id=subject_id)


def come_due() -> None:
    """The waits and leases are over."""
    OutgoingMail.objects.filter(finished_at=None).update(due_at=NOW)


def in_own_connection(work, *arguments):
    """For threads: nobody else closes what they have opened."""
    try:
        return work(*arguments)
    finally:
        connection.close()
