"""From a rendered mail to a message with its headers."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import formataddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.crypto import salted_hmac

from cxcrm.base.links import opened, seal
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services.rendering import RenderedMail, one_line

SENDER_NAME_LENGTH = 100
BOUNCE = "bounce"
# Others keep it by themselves.
_KEEP_OUR_MESSAGE_ID = {"postmark": {"X-PM-KeepID": "true"}}


def compose_message(
    *,
    mail_id: int,
    planned_at: datetime,
    address: str,
    language: str,
    brand: dict[str, str],
    rendered: RenderedMail,
    headers: Mapping[str, str],
) -> EmailMultiAlternatives:
    """The message of a mail, from its brand to one address, with these headers beside our own.

    Raises UnicodeEncodeError for an address that only SMTPUTF8 could carry.
    """
    address.partition("@")[0].encode("ascii")
    name = one_line(brand["sender_name"], limit=SENDER_NAME_LENGTH)
    sender = formataddr((name, brand["sender_address"]))
    bounces_to = envelope_sender(mail_id, planned_at)
    message = EmailMultiAlternatives(
        subject=rendered.subject,
        body=rendered.text,
        from_email=bounces_to or sender,
        to=[address],
        reply_to=[brand["service_address"]],
        headers={
            **({"From": sender} if bounces_to else {}),
            "Message-ID": message_id(mail_id, planned_at),
            "Auto-Submitted": "auto-generated",
            "Content-Language": language,
            "X-CXCRM-Mail": str(mail_id),
            **_KEEP_OUR_MESSAGE_ID.get(settings.CXCRM_MAIL_PROVIDER, {}),
            **headers,
        },
    )
    message.attach_alternative(rendered.html, "text/html")
    # Providers tell it again with what becomes of the mail.
    message.metadata = {"mail": str(mail_id)}  # type: ignore[attr-defined]  # anymail reads it
    return message


def envelope_sender(mail_id: int, planned_at: datetime) -> str:
    """Where bounces of this mail go: it tells which mail they are about, and cannot be made up.

    Empty without CXCRM_BOUNCE_ADDRESS, and where a provider takes bounces itself.
    """
    if not settings.CXCRM_BOUNCE_ADDRESS or settings.CXCRM_MAIL_PROVIDER != "smtp":
        return ""
    name, _at, domain = settings.CXCRM_BOUNCE_ADDRESS.rpartition("@")
    return f"{name}+{seal(BOUNCE, mail_id, bound_to=_mark(planned_at))}@{domain}"


def envelope_senders_in(text: str) -> Iterator[str]:
    """What looks like `envelope_sender` in the headers of a mail, each once, genuine or not."""
    name, _at, domain = settings.CXCRM_BOUNCE_ADDRESS.rpartition("@")
    if not name:
        return
    seen: set[str] = set()
    for found in re.finditer(rf"{re.escape(name)}\+[\w.-]+@(?i:{re.escape(domain)})", text):
        if found[0] not in seen:
            seen.add(found[0])
            yield found[0]


def mail_of_envelope_sender(address: str) -> int | None:
    """The mail whose bounces go to this address; None for any that we have not made, and for
    that of a mail which a restore has undone."""
    name, _at, domain = settings.CXCRM_BOUNCE_ADDRESS.rpartition("@")
    given, _at, given_domain = address.strip().strip("<>").rpartition("@")
    if not name or given_domain.lower() != domain.lower() or not given.startswith(f"{name}+"):
        return None
    number = opened(BOUNCE, given.removeprefix(f"{name}+"), bound_to=_mark_of)
    return int(number) if number else None


def message_id(mail_id: int, planned_at: datetime) -> str:
    """The same for every try, so that a second copy is known as one; not to be guessed.

    A mail that gets the number of another one, after a restore, has an identity of its own:
    programs and providers would take it for the copy that they have, and drop it.
    """
    value = f"{mail_id} {_mark(planned_at)}"
    mac = salted_hmac("cxcrm.outbox.message_id", value, algorithm="sha256").hexdigest()
    return f"<{mail_id}.{mac[:16]}@{settings.CXCRM_MAIL_DOMAIN}>"


def _mark(planned_at: datetime) -> str:
    return planned_at.astimezone(UTC).isoformat()


def _mark_of(mail_id: int) -> str | None:
    mails = OutgoingMail.objects.filter(pk=mail_id)
    planned_at = mails.values_list("planned_at", flat=True).first()
    return _mark(planned_at) if planned_at else None
