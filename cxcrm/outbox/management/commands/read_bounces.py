from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cxcrm.base import clock
from cxcrm.outbox.services import MailboxAway, awaits_release, read_bounces


class Command(BaseCommand):
    help = (
        "Reads the mailbox that bounces go to (CXCRM_BOUNCE_MAILBOX), as workers do every few "
        "minutes, and empties it."
    )

    def handle(self, **options) -> None:
        if not settings.CXCRM_BOUNCE_MAILBOX:
            raise CommandError("CXCRM_BOUNCE_MAILBOX names no mailbox.")
        if awaits_release():
            raise CommandError(
                "This database was restored or copied. Nothing is read until mails are released."
            )
        try:
            counts = read_bounces(at=clock.now())
        except MailboxAway as away:
            raise CommandError(f"The mailbox does not answer, or not to us: {away}") from None
        self.stdout.write(f"{counts['noted']:>10,}  bounces noted")
        self.stdout.write(f"{counts['passed_over']:>10,}  other mails")
