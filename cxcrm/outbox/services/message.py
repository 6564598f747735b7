"""From a rendered mail to a message with its headers."""

from email.utils import formataddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.crypto import salted_hmac

from cxcrm.outbox.services.rendering import RenderedMail, one_line

SENDER_NAME_LENGTH = 100


def compose_message(
    *, mail_id: int, address: str, language: str, brand: dict[str, str], rendered: RenderedMail
) -> EmailMultiAlternatives:
    """The message of a mail, from its brand to one address.

    Raises UnicodeEncodeError for an address that only SMTPUTF8 could carry.
    """
    address.partition("@")[0].encode("ascii")
    sender = one_line(brand["sender_name"], limit=SENDER_NAME_LENGTH)
    message = EmailMultiAlternatives(
        subject=rendered.subject,
        body=rendered.text,
        from_email=formataddr((sender, brand["sender_address"])),
        to=[address],
        reply_to=[brand["service_address"]],
        headers={
            "Message-ID": message_id(mail_id),
            "Auto-Submitted": "auto-generated",
            "Content-Language": language,
            "X-CXCRM-Mail": str(mail_id),
        },
    )
    message.attach_alternative(rendered.html, "text/html")
    return message


def message_id(mail_id: int) -> str:
    """The same for every try, so that a second copy is known as one; not to be guessed."""
    seal = salted_hmac("cxcrm.outbox.message_id", str(mail_id), algorithm="sha256").hexdigest()
    return f"<{mail_id}.{seal[:16]}@{settings.CXCRM_MAIL_DOMAIN}>"
