"""What the desk shows of an import."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.enums import ImportState
from accounts.models import ImportIssue, ImportRun

FINDINGS_SHOWN = 50
READING = "reading"
# The steps of an import by the names that it reports.
STEPS: dict[str, str | Promise] = {
    READING: _("Reading the file"),
    "checking": _("Comparing the rows with each other"),
    "addresses": _("Writing mail addresses"),
    "products": _("Writing products"),
    "accounts": _("Writing accounts"),
    "contacts": _("Writing contacts"),
    "contracts": _("Writing contracts"),
    "ends": _("Writing ends of contracts"),
    "cancellations": _("Writing cancellations"),
    "permissions": _("Writing permissions"),
    "dates": _("Computing renewal dates"),
    "reminders": _("Looking after reminders"),
    "lost_accounts": _("Looking after lost customers"),
    "contradictions": _("Looking for contradictions"),
    "done": _("Finishing"),
}
KINDS: dict[str, str | Promise] = {
    "products": _("Products"),
    "accounts": _("Accounts"),
    "contacts": _("Contacts"),
    "contracts": _("Contracts"),
    "cancellations": _("Cancellations"),
    "permissions": _("Permissions"),
}


@dataclass(frozen=True)
class ShownStep:
    """How far an import is. `percent` is of the step `number`, of `steps`, where that is known."""

    label: str | Promise
    percent: int | None
    is_reading: bool


@dataclass(frozen=True)
class KindCounts:
    label: str | Promise
    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True)
class ImportOverview:
    """`fault` is why the whole file was refused; `findings` are the first of `findings_in_all`."""

    step: ShownStep
    has_file: bool
    counts: list[KindCounts]
    held: int
    done_before: int
    fractional_prices: int
    fault: str
    findings: list[ImportIssue]
    findings_in_all: int


@dataclass(frozen=True)
class ImportProgress:
    """`step` by its name, empty while it waits for a worker."""

    step: str
    percent: int | None


def progress_of(run: ImportRun) -> ImportProgress | None:
    """How far a run is that is under way."""
    if not run.is_under_way:
        return None
    is_waiting = run.state == ImportState.QUEUED
    return ImportProgress("" if is_waiting else run.step, shown_step(run).percent)


def import_overview(run: ImportRun) -> ImportOverview:
    findings = ImportIssue.objects.filter(run=run)
    shown = list(findings.order_by("line", "field")[:FINDINGS_SHOWN])
    reminders = run.counts.get("reminders", {})
    fault = ""
    if run.state == ImportState.REFUSED and shown:
        fault = shown[0].reason
    return ImportOverview(
        step=shown_step(run),
        has_file=run.chunks.exists(),
        counts=[
            KindCounts(label, counts["added"], counts["changed"], counts["unchanged"])
            for name, label in KINDS.items()
            if (counts := run.counts.get(name))
        ],
        held=reminders.get("held", 0),
        done_before=reminders.get("done_before", 0),
        fractional_prices=run.counts.get("fractional_prices", 0),
        fault=fault,
        findings=shown,
        findings_in_all=findings.count() if len(shown) == FINDINGS_SHOWN else len(shown),
    )


def shown_step(run: ImportRun) -> ShownStep:
    if run.state == ImportState.QUEUED or not run.step:
        return ShownStep(_("Waiting for a worker"), None, is_reading=False)
    percent = min(100, 100 * run.steps_done // run.steps_total) if run.steps_total else 0
    return ShownStep(STEPS.get(run.step, run.step), percent, is_reading=run.step == READING)
