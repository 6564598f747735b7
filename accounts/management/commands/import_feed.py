from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.enums import ImportState
from accounts.models import ImportIssue, ImportRun
from accounts.services.imports import READING, Progress, import_feed, shipped_mappings
from cxcrm.base import clock
from cxcrm.base.commands import day
from cxcrm.base.errors import DomainError
from cxcrm.base.exports import csv_lines, write_xlsx

ISSUES_SHOWN = 20
KINDS = ("products", "accounts", "contacts", "contracts", "cancellations", "permissions")
REPORT_COLUMNS = ("line", "field", "severity", "reason")


class Command(BaseCommand):
    help = (
        "Takes a feed in: accounts, contacts, products, contracts or cancellations, as its mapping "
        "says. What is there already is changed where the file differs; the same file again "
        "changes nothing. Sends no mail. See docs/importing.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="CSV or JSON lines (both also .gz), or XLSX")
        parser.add_argument(
            "--mapping",
            required=True,
            metavar="NAME|FILE",
            help=f"{', '.join(shipped_mappings())}, one saved at the desk, or a TOML file",
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
            "--report",
            type=Path,
            metavar="FILE.csv|FILE.xlsx",
            help="write all findings there: line, field, severity and reason",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        played = options["dry_run"] or settings.CXCRM_DEMO or settings.CXCRM_TEST_MODE
        if clock.instant_on(options["as_of"]) > clock.now() + timedelta(days=1) and not played:
            raise CommandError(f"--as-of {options['as_of']} has not come yet.")
        with ExitStack() as stack:
            report = self._open_report(stack, options["report"])
            bars = stack.enter_context(_Bars())
            try:
                run = import_feed(
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
                _write_report(report, options["report"], run)

    @staticmethod
    def _open_report(stack: ExitStack, path: Path | None) -> IO[bytes] | None:
        if path is None:
            return None
        if path.suffix not in (".csv", ".xlsx"):
            raise CommandError(f"--report {path} must end with .csv or .xlsx.")
        try:
            return stack.enter_context(path.open("wb"))
        except OSError as error:
            raise CommandError(f"--report {path} cannot be written: {error.strerror}.") from None

    def _summarise(self, run: ImportRun) -> None:
        heading = f"{run.file_name} as of {run.as_of}"
        if run.state == ImportState.DRY_RUN:
            heading += " (dry run, nothing changed)"
        self.stdout.write(heading)
        self.stdout.write(f"{'':<13}{'added':>12}{'changed':>12}{'unchanged':>12}")
        for kind in KINDS:
            if counts := run.counts.get(kind):
                self.stdout.write(
                    f"{kind:<13}{counts['added']:>12,}{counts['changed']:>12,}"
                    f"{counts['unchanged']:>12,}"
                )
        reminders = run.counts.get("reminders", {})
        for number, meaning in (
            (run.rows_read, "rows read"),
            (run.rows_refused, "rows refused"),
            (run.contradictions, "rows with contradictions"),
            (run.counts.get("fractional_prices"), "contracts with fractions in their price"),
            (reminders.get("held"), "reminders held, late after import"),
            (reminders.get("done_before"), "reminders sent before the import"),
        ):
            if number is not None:
                self.stdout.write(f"{number:>13,}  {meaning}")
        for issue in _issues(run)[:ISSUES_SHOWN]:
            self.stdout.write(str(issue))
        further = run.issues.count() - ISSUES_SHOWN
        if further > 0:
            self.stdout.write(f"... and {further:,} further findings; --report writes all of them.")


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


def _write_report(report: IO[bytes], path: Path, run: ImportRun) -> None:
    rows: Iterator[tuple] = _issues(run).values_list(*REPORT_COLUMNS).iterator(chunk_size=5_000)
    if path.suffix == ".xlsx":
        write_xlsx(report, REPORT_COLUMNS, rows)
    else:
        report.writelines(csv_lines(REPORT_COLUMNS, rows))
