"""Reads the reports of mail servers about mails that could not be delivered (RFC 3464)."""

from datetime import datetime
from email import message_from_bytes, policy
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from hashlib import sha256
from itertools import islice

from cxcrm.outbox.enums import BounceKind, BounceSource
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.rules.bounces import bounce_kind
from cxcrm.outbox.services.bounces import Bounce
from cxcrm.outbox.services.delivery.message import envelope_senders_in, mail_of_envelope_sender

# Where servers write down whom they delivered a mail to.
_DELIVERED_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
# A server writes the one that it has, perhaps in each of them.
_MOST_SEALS = 5


def bounce_in_report(content: bytes, *, at: datetime) -> Bounce | None:
    """What a mail in the bounce mailbox says of one of ours; None where it says nothing.

    Only a report counts that came to the sealed address of a mail and says that it failed for the
    recipient of that mail. Whoever answers, forwards or makes something up has no such seal, or
    speaks of somebody else.
    """
    # Its parts may be nested so that reading them takes long: only with a seal, then.
    head = BytesHeaderParser(policy=policy.compat32).parsebytes(content)
    mail = _mail_of(head)
    if mail is None or head.get_content_type() != "multipart/report":
        return None
    report = message_from_bytes(content, policy=policy.compat32)
    failed = _failure_of(report, mail.address.address)
    if failed is None:
        return None
    reason, kind = failed
    told_by = str(report["Message-ID"] or "").strip() or sha256(content).hexdigest()
    return Bounce(
        kind=kind,
        source=BounceSource.MAILBOX,
        event_id=f"{mail.pk} {told_by}"[:200],
        occurred_at=_date_of(report, at),
        reason=reason,
        mail_id=mail.pk,
    )


def _mail_of(head: Message) -> OutgoingMail | None:
    """By the first seal that is ours. Each costs a query, so there is an end to trying."""
    headers = "\n".join(str(value) for name in _DELIVERED_TO for value in head.get_all(name, []))
    for address in islice(envelope_senders_in(headers), _MOST_SEALS):
        number = mail_of_envelope_sender(address)
        if number:
            return OutgoingMail.objects.select_related("address").filter(pk=number).first()
    return None


def _failure_of(report: Message, address: str) -> tuple[str, BounceKind] | None:
    """Why the mail failed for this address; None where it did not, or not yet."""
    for part in _parts(report):
        if part.get_content_type() != "message/delivery-status":
            continue
        for recipient in _parts(part):
            names = (recipient["Final-Recipient"], recipient["Original-Recipient"])
            is_ours = address in {_value(name).lower() for name in names}
            if is_ours and str(recipient["Action"] or "").strip().lower() == "failed":
                status = str(recipient["Status"] or "").strip()
                diagnostic = " ".join(_value(recipient["Diagnostic-Code"]).split())
                # The server's own words tell more than a status of 5.0.0.
                return diagnostic or status, bounce_kind(f"{status} {diagnostic}")
    return None


def _parts(message: Message) -> list[Message]:
    """Directly in it, so that nothing is found in the mail that a report gives back."""
    payload = message.get_payload()
    return [part for part in payload if isinstance(part, Message)] if message.is_multipart() else []


def _value(field: object) -> str:
    """Of a field like `rfc822; ada@example.com` what stands behind its type."""
    return str(field or "").partition(";")[2].strip()


def _date_of(report: Message, at: datetime) -> datetime:
    """When it was written, as far as it says so."""
    try:
        written = parsedate_to_datetime(str(report["Date"]))
    except ValueError:
        return at
    return written if written.tzinfo else at
