import csv
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.enums import ImportState
from accounts.models import ImportIssue, ImportRun
from accounts.services.imports import Progress, import_contracts
from accounts.services.imports.contracts import READING
from cxcrm.base import clock
from cxcrm.base.commands import day
from cxcrm.base.errors import DomainError

ISSUES_SHOWN = 20
KINDS = ("products", "accounts", "contacts", "contracts", "permissions")


class Command(BaseCommand):
    help = (
        "Takes contracts in from a CSV file, with their accounts, contacts and products. What is "
        "there already is changed where the file differs; the same file again changes nothing. "
        "Sends no mail. See docs/importing.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a .csv or .csv.gz in UTF-8, with a header")
        parser.add_argument(
            "--mapping",
            required=True,
            metavar="NAME|FILE",
            help="standard, telco, or a TOML file of your own",
        )
        parser.add_argument(
            "--as-of",
            type=day,
            required=True,
            metavar="DATE",
            help="the day that the file is from",
        )
        parser.add_argument("--brand", metavar="CODE", help="where the mapping does not say it")
        parser.add_argument(
            "--dry-run", action="store_true", help="check and count everything, change nothing"
        )
        parser.add_argument(
            "--report", type=Path, metavar="FILE.csv", help="write line, field and reason there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        played = options["dry_run"] or settings.CXCRM_DEMO or settings.CXCRM_TEST_MODE
        if clock.instant_on(options["as_of"]) > clock.now() + timedelta(days=1) and not played:
            raise CommandError(f"--as-of {options['as_of']} has not come yet.")
        with ExitStack() as stack:
            report = self._open_report(stack, options["report"])
            bars = stack.enter_context(_Bars())
            try:
                run = import_contracts(
                    file=options["file"],
                    mapping=options["mapping"],
                    as_of=options["as_of"],
                    brand=options["brand"],
                    dry_run=options["dry_run"],
                    at=clock.now(),
                    on_progress=bars.show,
                )
            except DomainError as error:
                bars.close()
                hint = " `manage.py add_brand --help` adds one." if error.field == "brand" else ""
                raise CommandError(f"{error}{hint}") from None
            bars.close()
            self._summarise(run)
            if report is not None:
                _write_report(report, run)

    @staticmethod
    def _open_report(stack: ExitStack, path: Path | None):
        if path is None:
            return None
        try:
            return stack.enter_context(path.open("w", encoding="utf-8", newline=""))
        except OSError as error:
            raise CommandError(f"--report {path} cannot be written: {error.strerror}.") from None

    def _summarise(self, run: ImportRun) -> None:
        heading = f"{run.file_name} as of {run.as_of}"
        if run.state == ImportState.DRY_RUN:
            heading += " (dry run, nothing changed)"
        self.stdout.write(heading)
        self.stdout.write(f"{'':<12}{'added':>12}{'changed':>12}{'unchanged':>12}")
        for kind in KINDS:
            counts = run.counts[kind]
            self.stdout.write(
                f"{kind:<12}{counts['added']:>12,}{counts['changed']:>12,}"
                f"{counts['unchanged']:>12,}"
            )
        reminders = run.counts["reminders"]
        self.stdout.write(f"{run.rows_read:>12,}  rows read")
        self.stdout.write(f"{run.rows_refused:>12,}  rows refused")
        self.stdout.write(f"{reminders['held']:>12,}  reminders held, late after import")
        self.stdout.write(f"{reminders['done_before']:>12,}  reminders sent before the import")
        for issue in _issues(run)[:ISSUES_SHOWN]:
            self.stdout.write(str(issue))
        further = run.issues.count() - ISSUES_SHOWN
        if further > 0:
            self.stdout.write(f"... and {further:,} further faults; --report writes all of them.")


class _Bars:
    """Two bars on a terminal's stderr: bytes of the file, then steps of the merge."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._reading = True

    def __enter__(self) -> "_Bars":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def show(self, progress: Progress) -> None:
        reading = progress.step == READING
        if self._bar is None or reading != self._reading:
            self.close()
            self._reading = reading
            self._bar = tqdm(
                total=progress.total,
                disable=None,
                unit="B" if reading else "step",
                unit_scale=reading,
            )
        self._bar.set_description(progress.step)
        self._bar.set_postfix(rows=f"{progress.rows:,}", refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _issues(run: ImportRun):
    return ImportIssue.objects.filter(run=run).order_by("line", "field")


def _write_report(report, run: ImportRun) -> None:
    """No cell begins with what the feed says, so none can be taken for a formula."""
    writer = csv.writer(report)
    writer.writerow(["line", "field", "reason"])
    issues = _issues(run).values_list("line", "field", "reason")
    writer.writerows(issues.iterator(chunk_size=5_000))
