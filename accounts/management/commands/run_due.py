from datetime import date

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.services.due_work import WorkWaitsForRelease, run_due_work
from cxcrm.base import clock
from cxcrm.base.commands import day

LABELS = {
    "planned": "renewal reminders queued",
    "too_late": "reminders too late, task opened",
    "nobody": "nobody to write to, task opened",
    "left_out": "reminders left out, another step tells of it",
    "undelivered": "reminders not delivered, task opened",
    "expired": "held reminders too late, task opened",
    "letters": "receipts not delivered, task opened",
    "started": "contracts started",
    "ended": "contracts ended",
    "repriced": "prices changed",
    "renewed": "contracts renewed",
    "revenue_days": "days of revenue recorded",
    "followed": "contracts brought in line with the policies",
}


class Command(BaseCommand):
    help = (
        "Does all the work that is due on a day, as beat and the workers do it all the time: "
        "renewal reminders, starts, ends, prices and renewals of contracts, figures. Mails are "
        "queued; a worker delivers them."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--as-of",
            type=day,
            metavar="DATE",
            help="the day, like 2030-01-31; today by default",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be done and change nothing"
        )

    def handle(self, *, as_of: date | None, dry_run: bool, **options) -> None:
        now = clock.now()
        at = now if as_of in (None, now.date()) else clock.instant_on(as_of)
        if at > now and not (dry_run or settings.CXCRM_DEMO or settings.CXCRM_TEST_MODE):
            raise CommandError(
                f"{as_of} has not come yet. Add --dry-run to see what will be due, or play it in a "
                "demo (CXCRM_DEMO)."
            )
        try:
            if dry_run:
                with transaction.atomic():
                    counts = run_due_work(at=at)
                    transaction.set_rollback(True)
            else:
                counts = run_due_work(at=at)
        except WorkWaitsForRelease as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"{at:%Y-%m-%d}" + (" (dry run, nothing changed)" if dry_run else ""))
        for name, label in LABELS.items():
            self.stdout.write(f"{counts[name]:>10,}  {label}")
