from datetime import datetime

from django.core.management.base import BaseCommand, CommandError

from cxcrm.base import clock
from cxcrm.base.commands import moment
from cxcrm.base.errors import DomainError
from cxcrm.outbox.selectors import delivery_state, waiting_mails
from cxcrm.outbox.services import release_mails


class Command(BaseCommand):
    help = (
        "Says why mails are on hold and what waits, and with --yes lets them leave again. Each is "
        "asked once more whether it is still needed."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("--yes", action="store_true", help="do it")
        parser.add_argument(
            "--discard-planned-before",
            type=moment,
            metavar="MOMENT",
            help="do not send what was due earlier, like 2026-11-22T03:00Z: after a restore, when "
            "the server that was lost sent its last mail. What it has planned since the backup is "
            "held for people to decide",
        )

    def handle(self, *, yes: bool, discard_planned_before: datetime | None, **options) -> None:
        sending = delivery_state()
        if sending.is_held:
            self.stdout.write(f"On hold: {sending.why}")
        for row in waiting_mails():
            self.stdout.write(f"{row.mails:>10,}  {row.kind}, since {row.planned_first:%F %R} UTC")
        if not yes:
            self.stdout.write("Nothing is changed. Add --yes to release them.")
            return
        try:
            released = release_mails(
                actor=None, at=clock.now(), discard_planned_before=discard_planned_before
            )
        except DomainError as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"Mails leave again. Discarded: {released.discarded:,}")
        if released.held_back:
            self.stdout.write(f"Held for people to decide: {released.held_back:,}")
