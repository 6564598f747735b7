from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from cxcrm.demo.mailbox import Mailbox


class PastMail(BaseEmailBackend):
    """A mail connection of a day that is past: its mails lie in the mailbox under their day."""

    def __init__(self, *, at: datetime, fail_silently: bool = False) -> None:
        super().__init__(fail_silently=fail_silently)
        self.at = at
        self.mailbox = Mailbox(settings.VAR_DIR)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            message.extra_headers["Date"] = format_datetime(self.at)
            content = message.message().as_bytes(linesep="\r\n")
            self.mailbox.keep(content, arrived_at=self.at.timestamp())
        return len(email_messages)
