"""What the desk shows of renewal reminders: those to come, and the proof of those that went."""

from dataclasses import dataclass
from datetime import date

from accounts.models import Contract, ReminderPolicyStep, RenewalReminder
from accounts.selectors.policy_words import step_in_words
from accounts.sql.planned_steps import planned_steps
from cxcrm.outbox.models import OutgoingMail


@dataclass(frozen=True)
class ComingReminder:
    """A step that is still to be decided; `why` says it in words."""

    day: date
    step: ReminderPolicyStep
    why: str
    is_clash: bool


def coming_reminders(contract: Contract, *, on: date) -> list[ComingReminder]:
    """Of the contract's next renewal, by day; `on`: its own day. Two queries."""
    planned = planned_steps(contract_id=contract.pk, on=on)
    steps = {
        (step.policy_id, step.number): step
        for step in ReminderPolicyStep.objects.filter(
            policy__in={step.policy_id for step in planned}
        ).select_related("policy")
    }
    coming = []
    for row in planned:
        step = steps[row.policy_id, row.number]
        coming.append(ComingReminder(row.remind_on, step, step_in_words(step), row.is_clash))
    return coming


def mail_of_reminder(reminder: RenewalReminder, *, mail_kind: str) -> OutgoingMail | None:
    """The newest: a reminder may have been decided again."""
    mails = OutgoingMail.objects.filter(kind=mail_kind, subject_id=reminder.pk)
    return mails.order_by("-id").first()
