"""What people do with reminders that are held: because an import brought them late, or because a
server whose database was lost has perhaps sent them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.enums import ReminderState, TimelineKind
from accounts.models import RenewalReminder, TimelineEvent
from accounts.rules.policies import LONGEST_AFTER_DAYS
from accounts.services.contracts import day_of
from accounts.services.reminder_mail import reason_not_to_remind
from accounts.services.renewals import BATCH, LOOK_BACK, queue_reminders
from accounts.services.tasks import renewal_tasks
from accounts.sql.held_reminders import decide_held_reminders, expire_held_reminders
from cxcrm.base.deeds import Outcome, sorted_out
from cxcrm.base.errors import DomainError

LONGEST_AFTER = timedelta(days=LONGEST_AFTER_DAYS)


class ReminderNotHeld(DomainError):
    code = "reminder_not_held"


class RenewalNotToCome(DomainError):
    code = "renewal_not_to_come"


def release_reminders(*, ids: Sequence[int], at: datetime, actor=None) -> Outcome:
    """Decide held reminders now, as the planner would have: a late mail to the recipient of today
    or, where the notice deadline has passed or nobody can be written to, a task for the retention
    pool. Each once, whoever releases it beside this one; notes it on the timelines.

    Refused: ReminderNotHeld, RenewalNotToCome.
    """
    with transaction.atomic():
        reminders, outcome = _lock_held(ids, at)
        decided = decide_held_reminders(reminder_ids=outcome.done, at=at, tasks=renewal_tasks())
        queue_reminders(decided.mails, at=at)
        _note(TimelineKind.REMINDER_RELEASED, reminders, decided.states, at, actor)
    return outcome


def give_up_held_reminders(*, at: datetime) -> int:
    """Give the retention pool a task for each held reminder about which nobody has decided in
    time: its notice deadline has passed since, or where its step goes after that the renewal has
    come, and the contract still renews then; or it tells of an end that lies too far back. Works
    in batches of their own transactions; each once. Answers how many."""
    count = 0
    while True:
        with transaction.atomic():
            expired = expire_held_reminders(
                since=(at - LOOK_BACK - LONGEST_AFTER).date(),
                at=at,
                limit=BATCH,
                tasks=renewal_tasks(),
            )
        count += expired
        if expired < BATCH:
            return count


def dismiss_reminders(*, ids: Sequence[int], at: datetime, actor=None) -> Outcome:
    """Tell nobody of these renewals; notes it on the timelines.

    Refused: ReminderNotHeld, RenewalNotToCome.
    """
    with transaction.atomic():
        reminders, outcome = _lock_held(ids, at)
        RenewalReminder.objects.filter(pk__in=outcome.done).update(state=ReminderState.DISMISSED)
        states = dict.fromkeys(outcome.done, ReminderState.DISMISSED)
        _note(TimelineKind.REMINDER_DISMISSED, reminders, states, at, actor)
    return outcome


def _lock_held(ids: Sequence[int], at: datetime) -> tuple[dict[int, RenewalReminder], Outcome]:
    reminders = (
        RenewalReminder.objects.select_for_update(of=["self"])
        .select_related("contract__account")
        .filter(pk__in=ids)
        .order_by("pk")
        .in_bulk()
    )
    refusals = {key: _refusal(reminder, at) for key, reminder in reminders.items()}
    return reminders, sorted_out(ids, refusals)


def _refusal(reminder: RenewalReminder, at: datetime) -> DomainError | None:
    if reminder.state != ReminderState.HELD:
        return ReminderNotHeld(_("This reminder is not held any more."))
    if reason := reason_not_to_remind(reminder):
        return RenewalNotToCome(reason)
    if not reminder.tells_of_end and reminder.renewal_date <= day_of(reminder.contract.account, at):
        return RenewalNotToCome(_("The renewal date has passed."))
    return None


def _note(
    kind: TimelineKind,
    reminders: dict[int, RenewalReminder],
    states: Mapping[int, str],
    at: datetime,
    actor,
) -> None:
    TimelineEvent.objects.bulk_create(
        TimelineEvent(
            account_id=reminders[reminder_id].contract.account_id,
            contract_id=reminders[reminder_id].contract_id,
            kind=kind,
            occurred_at=at,
            actor=actor,
            facts={
                "reminder": reminder_id,
                "renewal_date": reminders[reminder_id].renewal_date.isoformat(),
                "state": state,
            },
        )
        for reminder_id, state in states.items()
    )
