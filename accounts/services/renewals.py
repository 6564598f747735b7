from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from accounts.enums import ReminderState
from accounts.services.reminder_mail import RENEWAL_REMINDER
from accounts.services.tasks import renewal_tasks
from accounts.sql.held_reminders import decide_held_reminders, hold_stopped_reminders
from accounts.sql.reminder_endings import give_up_undelivered_reminders, note_endings
from accounts.sql.renewals import ReminderMail, decide_due_reminders
from cxcrm.outbox.services import MailRequest, queue_mails, take_endings

BATCH = 5_000
# How far back mails are looked through that did not go out; longer than any outage of ours.
LOOK_BACK = timedelta(days=30)

_PLANNED = (
    ReminderState.PLANNED,
    ReminderState.TOO_LATE,
    ReminderState.NOBODY,
    ReminderState.LEFT_OUT,
)


def plan_renewal_reminders(*, at: datetime) -> dict[str, int]:
    """Decide every renewal reminder that is due at `at`, once per renewal date and step.

    Due means that the account's own day has reached the day of a step of the policy that holds;
    one that was missed is made up for. Of steps that are due together the last alone goes. Where
    it is not too late and somebody can be written to, a mail is queued; else a task is opened for
    the retention pool. Works in batches of their own transactions: a crash or a second planner
    beside this one neither loses nor doubles. Answers how many were decided, by state.
    """
    counts = Counter(dict.fromkeys((str(state) for state in _PLANNED), 0))
    while True:
        with transaction.atomic():
            decided = decide_due_reminders(at=at, limit=BATCH, tasks=renewal_tasks())
            queue_reminders(decided.mails, at=at)
        counts.update(decided.counts)
        if decided.claimed < BATCH:
            return dict(counts)


def note_reminder_endings(*, at: datetime) -> int:
    """Write on the reminders how their mails ended: which relay accepted them when, and what came
    back. Where nobody got one although it is still to come, the retention pool gets a task: the
    relay refused it, or it was stopped by a dead address or a passed deadline. Works in batches
    of their own transactions; each ending once. Answers how many were not delivered."""
    undelivered = 0
    while True:
        with transaction.atomic():
            endings = take_endings(kind=RENEWAL_REMINDER, limit=BATCH)
            if endings:
                undelivered += note_endings(endings=endings, at=at, tasks=renewal_tasks())
        if len(endings) < BATCH:
            return undelivered


def make_up_for_stopped_reminder(*, contract_id: int, at: datetime) -> None:
    """See that somebody is told of the next renewal of a contract whose cancellation was taken
    back in this transaction, however long ago the mail about it was stopped: decide again what
    was stopped, late, and open a task for what had failed."""
    stopped = hold_stopped_reminders(contract_id=contract_id)
    decided = decide_held_reminders(reminder_ids=stopped, at=at, tasks=renewal_tasks())
    queue_reminders(decided.mails, at=at)
    give_up_undelivered_reminders(contract_id=contract_id, at=at, tasks=renewal_tasks())


def queue_reminders(mails: Sequence[ReminderMail], *, at: datetime) -> None:
    """Queue the mails of decided reminders, in the transaction that decides them."""
    queue_mails(
        kind=RENEWAL_REMINDER,
        requests=[
            MailRequest(
                subject_id=mail.reminder_id,
                address_id=mail.address_id,
                language=mail.language,
                account_id=mail.account_id,
                time_zone=mail.time_zone,
                useful_until=mail.useful_until,
            )
            for mail in mails
        ],
        at=at,
    )
