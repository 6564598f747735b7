from datetime import date, timedelta

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.services.revenue import recompute_revenue
from cxcrm.base import clock
from cxcrm.base.commands import day


class Command(BaseCommand):
    help = (
        "Records the recurring revenue of past days anew, from what is known now of contracts, "
        "prices and cancellations. Every night records its own day by itself: this is for days "
        "from before cxcrm, or after a correction. See docs/money.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=day, required=True, metavar="DATE", help="first day")
        parser.add_argument(
            "--until", type=day, metavar="DATE", help="last day; yesterday by default"
        )

    def handle(self, *, since: date, until: date | None, **options: object) -> None:
        now = clock.now()
        yesterday = now.date() - timedelta(days=1)
        last = yesterday if until is None else until
        if last > yesterday:
            raise CommandError(f"--until {last} is not over yet.")
        if since > last:
            raise CommandError(f"--since {since} lies after {last}.")
        days = recompute_revenue(
            since=since,
            until=last,
            at=now,
            progress=lambda days: tqdm(days, disable=None, unit="day"),
        )
        self.stdout.write(f"{days:>10,}  days recorded")
