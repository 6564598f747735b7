from django.core.management.base import BaseCommand, CommandError

from cxcrm.base import clock
from cxcrm.base.errors import DomainError
from cxcrm.outbox.services import hold_mails


class Command(BaseCommand):
    help = "Lets no mail leave until `release_mails`."

    def handle(self, **options) -> None:
        try:
            hold_mails(actor=None, at=clock.now())
        except DomainError as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write("Mails are on hold.")
