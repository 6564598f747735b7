from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.enums import AfterTerm, ContractState, ReminderState, TaskOrigin
from accounts.models import RenewalReminder
from accounts.selectors.prices import pays_with_tax, price_to_pay, prices_ahead
from accounts.services.brands import brand_facts
from accounts.services.contracts import day_of
from accounts.services.tasks import open_tasks, renewal_task
from accounts.sql.renewals import (
    DueReminder,
    UndeliveredReminder,
    decide_due_reminders,
    decide_held_reminders,
    give_up_undelivered_reminder,
    give_up_undelivered_reminders,
    hold_stopped_reminder,
)
from cxcrm.outbox.enums import MailClass
from cxcrm.outbox.services import MailKind, MailRequest, queue_mails, register_mail_kind

RENEWAL_REMINDER = "renewal_reminder"
BATCH = 5_000
# How far back mails are looked through that did not go out; longer than any outage of ours.
LOOK_BACK = timedelta(days=30)

_TASK_ORIGINS = {
    ReminderState.TOO_LATE: TaskOrigin.REMINDER_TOO_LATE,
    ReminderState.NOBODY: TaskOrigin.REMINDER_NOBODY,
}


def plan_renewal_reminders(*, at: datetime) -> dict[str, int]:
    """Decide every renewal reminder that is due at `at`, once per renewal date and step.

    Due means that the account's own day has reached the contract's `remind_on`; one that was
    missed is made up for. Where the notice deadline has not passed and somebody can be written
    to, a mail is queued; else a task is opened for the retention pool. Works in batches of their
    own transactions: a crash or a second planner beside this one neither loses nor doubles.
    Answers how many were decided, by state.
    """
    counts = dict.fromkeys((ReminderState.PLANNED, *_TASK_ORIGINS), 0)
    while True:
        with transaction.atomic():
            due = decide_due_reminders(at=at, limit=BATCH)
            act_on_decisions([reminder for reminder in due if reminder.reminder_id], at=at)
        for reminder in due:
            if reminder.state:
                counts[ReminderState(reminder.state)] += 1
        if len(due) < BATCH:
            return {str(state): count for state, count in counts.items()}


def open_tasks_for_undelivered_reminders(*, at: datetime) -> int:
    """Give the retention pool a task for each reminder whose mail did not go out although the
    renewal is still to come: the relay refused it, or it was stopped by a dead address or a
    passed deadline. Each once. Answers how many."""
    with transaction.atomic():
        undelivered = give_up_undelivered_reminders(since=at - LOOK_BACK, at=at)
        _open_tasks_for(undelivered, at)
    return len(undelivered)


def make_up_for_stopped_reminder(*, contract_id: int, at: datetime) -> None:
    """See that somebody is told of the next renewal of a contract whose cancellation was taken
    back in this transaction, however long ago the mail about it was stopped: decide again what
    was stopped, late, and open a task for what had failed."""
    stopped = hold_stopped_reminder(contract_id=contract_id)
    act_on_decisions(decide_held_reminders(reminder_ids=stopped, at=at), at=at)
    _open_tasks_for(give_up_undelivered_reminder(contract_id=contract_id, at=at), at)


def act_on_decisions(decided: list[DueReminder], *, at: datetime) -> None:
    """Queue the mails and open the tasks that follow from decided reminders. Of several renewals
    of one contract that were missed, the newest alone becomes a task."""
    queue_mails(
        kind=RENEWAL_REMINDER,
        requests=[
            MailRequest(
                subject_id=reminder.reminder_id,
                address_id=reminder.address_id,
                language=reminder.language,
                account_id=reminder.account_id,
            )
            for reminder in decided
            if reminder.state == ReminderState.PLANNED
            and reminder.reminder_id
            and reminder.address_id
        ],
        at=at,
    )
    open_tasks(
        [
            renewal_task(
                account_id=reminder.account_id,
                contract_id=reminder.contract_id,
                origin=_TASK_ORIGINS[ReminderState(reminder.state)],
                renewal_date=reminder.renewal_date,
                due_on=reminder.day,
                at=at,
            )
            for reminder in decided
            if reminder.state in _TASK_ORIGINS and not reminder.is_overtaken
        ]
    )


def register_mail_kinds() -> None:
    register_mail_kind(
        MailKind(
            name=RENEWAL_REMINDER,
            label=_("Renewal reminder"),
            mail_class=MailClass.SERVICE,
            template="accounts/mail/renewal_reminder",
            facts=renewal_reminder_facts,
            refusal=renewal_reminder_refusal,
        )
    )


def renewal_reminder_facts(subject_id: int, at: datetime) -> dict[str, Any]:
    """What the mail about a reminder says; prices with tax for consumers, else net."""
    reminder = _load(subject_id)
    contract = reminder.contract
    ahead = prices_ahead(contract)
    by_renewal = [step.price for step in ahead if step.from_day <= reminder.renewal_date]
    return {
        "brand": brand_facts(contract.brand),
        "recipient_name": reminder.contact.name if reminder.contact else contract.account.name,
        "product": contract.product.name,
        "contract_number": contract.external_id,
        "renewal_date": reminder.renewal_date,
        "notice_deadline": contract.notice_deadline,
        "price_now": price_to_pay(contract, contract.price),
        "price_after": price_to_pay(contract, by_renewal[-1] if by_renewal else contract.price),
        "prices_ahead": [
            {"price": price_to_pay(contract, step.price), "from_day": step.from_day}
            for step in ahead
        ],
        "currency": contract.currency,
        "billing_period_months": contract.billing_period_months,
        "tax_rate": contract.tax_rate,
        "with_tax": pays_with_tax(contract.account),
        "renews": contract.after_term == AfterTerm.RENEWS,
        "term_months": contract.term_months,
        "renewal_term_months": contract.renewal_term_months,
        "notice_months": contract.notice_months,
        "notice_days": contract.notice_days,
        "is_late": reminder.is_late,
    }


def renewal_reminder_refusal(subject_id: int, at: datetime) -> str | None:
    """Why a reminder must not go any more, asked again when a worker is about to send it."""
    reminder = _load(subject_id)
    contract = reminder.contract
    if reason := reason_not_to_remind(reminder):
        return str(reason)
    if day_of(contract.account, at) > contract.notice_deadline:
        return str(_("The notice deadline has passed."))
    return None


def reason_not_to_remind(reminder: RenewalReminder) -> str | Promise | None:
    """Why nobody needs to be told of this renewal any more; None where it is still to come."""
    contract = reminder.contract
    if contract.state not in (ContractState.ORDERED, ContractState.RUNNING):
        return _("The contract is over.")
    if contract.ends_on is not None:
        return _("An end of the contract is set.")
    if contract.awaits_decision:
        return _("The contract is cancelled; its last day is to be decided.")
    if contract.renewal_date != reminder.renewal_date:
        return _("The renewal date has moved.")
    return None


def _open_tasks_for(undelivered: list[UndeliveredReminder], at: datetime) -> None:
    open_tasks(
        [
            renewal_task(
                account_id=reminder.account_id,
                contract_id=reminder.contract_id,
                origin=TaskOrigin.REMINDER_NOT_DELIVERED,
                renewal_date=reminder.renewal_date,
                due_on=reminder.day,
                at=at,
            )
            for reminder in undelivered
        ]
    )


def _load(reminder_id: int) -> RenewalReminder:
    return RenewalReminder.objects.select_related(
        "contact", "contract__account", "contract__brand", "contract__product"
    ).get(pk=reminder_id)
