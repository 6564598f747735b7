import logging
import sys
from datetime import date
from functools import partial

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from cxcrm.base import clock
from cxcrm.base.errors import DomainError
from cxcrm.demo.services import CompanyNotEmpty, load_company


class Command(BaseCommand):
    help = (
        "Fills an empty database with a fictional web hoster of two brands and 300 customers, by "
        "playing its past months day by day. Demo mode only."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("--seed", type=int, default=7, help="another seed, other customers")
        parser.add_argument("--months", type=int, default=14, help="how many months to play")
        parser.add_argument(
            "--today",
            type=date.fromisoformat,
            metavar="DATE",
            help="the last day to play, like 2026-01-31; today by default",
        )
        parser.add_argument(
            "--if-empty", action="store_true", help="do nothing where there are accounts"
        )

    def handle(self, *, seed: int, months: int, today: date | None, if_empty: bool, **options):
        if not 1 <= months <= 120:
            raise CommandError("--months must be a number from 1 to 120")
        at = clock.instant_on(today) if today else clock.now()
        # Each day that is played logs a line, which would tear the bar to pieces.
        logging.disable(logging.INFO)
        bar = partial(tqdm, desc="demo company", unit="day", file=sys.stderr)
        try:
            load_company(seed=seed, months=months, at=at, progress=bar)
        except CompanyNotEmpty as refusal:
            if not if_empty:
                raise CommandError(str(refusal)) from refusal
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        finally:
            logging.disable(logging.NOTSET)
