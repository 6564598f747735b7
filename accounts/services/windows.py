"""Whether a renewal was told of in time, as mails, pages and the desk say it."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max

from accounts.enums import ReminderState
from accounts.models import Account, RenewalReminder
from accounts.rules.windows import ToldStep, frees_the_customer, window_is_missed
from accounts.services.contracts import day_of
from accounts.services.reminder_texts import RENEWAL_REMINDER
from cxcrm.outbox.enums import MailState
from cxcrm.outbox.models import OutgoingMail


@dataclass(frozen=True, slots=True)
class WindowState:
    """`is_missed`: nobody was told within the window of this reminder. `is_free`: by law the
    customer may leave at any time, whichever reminder of the renewal is asked about."""

    is_missed: bool
    is_free: bool


def window_state(reminder: RenewalReminder, *, at: datetime) -> WindowState:
    """How the windows of a reminder's renewal stand at `at`. What counts is when mails were
    accepted, so a mail that goes after the window frees although it was planned within it. The
    reminder's contract and account are loaded."""
    on = day_of(reminder.contract.account, at)
    steps = _told_steps(reminder)
    own = next(step for step in steps if step.number == reminder.step)
    return WindowState(
        is_missed=window_is_missed(own, steps, on=on),
        is_free=frees_the_customer(steps, on=on),
    )


def _told_steps(reminder: RenewalReminder) -> list[ToldStep]:
    of_renewal = list(
        RenewalReminder.objects.filter(
            contract_id=reminder.contract_id, renewal_date=reminder.renewal_date
        ).select_related("policy")
    )
    accepted = _accepted(of_renewal)
    account = reminder.contract.account
    return [
        ToldStep(
            number=row.step,
            earliest_on=row.earliest_on,
            latest_on=row.latest_on,
            is_freeing=bool(row.policy and row.policy.missed_window_frees),
            told_on=_told_on(row, account, accepted.get(row.pk)),
        )
        for row in of_renewal
    ]


def _accepted(reminders: list[RenewalReminder]) -> dict[int, datetime]:
    """When the mails of reminders were accepted that did not come back. The next planning notes
    it, so until then only the mail itself knows; a second query where there is a window."""
    accepted = {}
    unproven = []
    for row in reminders:
        if row.accepted_at is None:
            unproven.append(row.pk)
        elif row.bounced_at is None or row.bounced_at < row.accepted_at:
            accepted[row.pk] = row.accepted_at
    if unproven and any(row.latest_on for row in reminders):
        mails = OutgoingMail.objects.filter(
            kind=RENEWAL_REMINDER,
            subject_id__in=unproven,
            state=MailState.ACCEPTED,
            bounced_at=None,
        )
        accepted |= dict(mails.values_list("subject_id").annotate(Max("finished_at")))
    return accepted


def _told_on(
    reminder: RenewalReminder, account: Account, accepted_at: datetime | None
) -> date | None:
    if reminder.state == ReminderState.DONE_BEFORE:
        return reminder.decided_on
    return day_of(account, accepted_at) if accepted_at else None
