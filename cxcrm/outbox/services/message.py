"""From a rendered mail to a message with its headers."""

from collections.abc import Mapping
from email.utils import formataddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.crypto import salted_hmac

from cxcrm.base.links import opened, seal
from cxcrm.outbox.services.rendering import RenderedMail, one_line

SENDER_NAME_LENGTH = 100
BOUNCE = "bounce"
# Others keep it by themselves.
_KEEP_OUR_MESSAGE_ID = {"postmark": {"X-PM-KeepID": "true"}}


def compose_message(
    *,
    mail_id: int,
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
    bounces_to = envelope_sender(mail_id)
    message = EmailMultiAlternatives(
        subject=rendered.subject,
        body=rendered.text,
        from_email=bounces_to or sender,
        to=[address],
        reply_to=[brand["service_address"]],
        headers={
            **({"From": sender} if bounces_to else {}),
            "Message-ID": message_id(mail_id),
            "Auto-Submitted": "auto-generated",
            "Content-Language": language,
            "X-CXCRM-Mail": str(mail_id),
            **_KEEP_OUR_MESSAGE_ID.get(settings.CXCRM_MAIL_PROVIDER, {}),
            **headers,
        },
    )
    message.attach_alternative(rendered.html, "text/html")
    # Providers tell it again with what becomes of the mail.
    message.metadata = {"mail": str(mail_id)}  # type: ignore[attr-defined]
    return message


def envelope_sender(mail_id: int) -> str:
    """Where bounces of this mail go: it tells which mail they are about, and cannot be made up.

    Empty without CXCRM_BOUNCE_ADDRESS, and where a provider takes bounces itself.
    """
    if not settings.CXCRM_BOUNCE_ADDRESS or settings.CXCRM_MAIL_PROVIDER != "smtp":
        return ""
    name, _at, domain = settings.CXCRM_BOUNCE_ADDRESS.rpartition("@")
    return f"{name}+{seal(BOUNCE, mail_id)}@{domain}"


def mail_of_envelope_sender(address: str) -> int | None:
    """The mail whose bounces go to this address; None for any that we have not made."""
    name, _at, domain = settings.CXCRM_BOUNCE_ADDRESS.rpartition("@")
    given, _at, given_domain = address.strip().strip("<>").rpartition("@")
    if not name or given_domain.lower() != domain.lower() or not given.startswith(f"{name}+"):
        return None
    number = opened(BOUNCE, given.removeprefix(f"{name}+"))
    return int(number) if number else None


def message_id(mail_id: int) -> str:
    """The same for every try, so that a second copy is known as one; not to be guessed."""
    seal = salted_hmac("cxcrm.outbox.message_id", str(mail_id), algorithm="sha256").hexdigest()
    return f"<{mail_id}.{seal[:16]}@{settings.CXCRM_MAIL_DOMAIN}>"
