"""The mail of a renewal reminder: what it says, and whether it must still go."""

from datetime import date, datetime, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.enums import AfterTerm, ContractState
from accounts.models import ReminderPolicyStep, RenewalReminder
from accounts.selectors.prices import pays_with_tax, price_to_pay, prices_ahead
from accounts.services.brands import brand_facts
from accounts.services.contracts import day_of
from accounts.services.decision_links import reminder_secrets
from accounts.services.reminder_texts import (
    REMINDER_TEXTS,
    RENEWAL_REMINDER,
    reminder_examples,
    reminder_placeholders,
)
from accounts.services.windows import window_state
from cxcrm.outbox.enums import MailClass
from cxcrm.outbox.services import MailKind, register_mail_kind


def register_mail_kinds() -> None:
    register_mail_kind(
        MailKind(
            name=RENEWAL_REMINDER,
            label=_("Renewal reminder"),
            mail_class=MailClass.SERVICE,
            template="accounts/mail/renewal_reminder",
            facts=renewal_reminder_facts,
            refusal=renewal_reminder_refusal,
            secrets=reminder_secrets,
            texts=REMINDER_TEXTS,
            placeholders=reminder_placeholders,
            examples=reminder_examples,
            is_noted=True,
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
        "step": reminder.step,
        "is_expired": reminder.tells_of_end,
        # None where it was cancelled a moment ago.
        "deadline_passed": not reminder.tells_of_end
        and contract.notice_deadline is not None
        and day_of(contract.account, at) > contract.notice_deadline,
        # Then no last day to cancel is named.
        "window_missed": not reminder.tells_of_end and window_state(reminder, at=at).is_free,
    }


def renewal_reminder_refusal(subject_id: int, at: datetime) -> str | None:
    """Why a reminder must not go any more, asked again when a worker is about to send it."""
    reminder = _load(subject_id)
    if reason := reason_not_to_remind(reminder):
        return str(reason)
    if reminder.tells_of_end:
        return None
    today = day_of(reminder.contract.account, at)
    if today >= reminder.renewal_date:
        return str(_("The renewal date has passed."))
    if today > _last_day_to_go(reminder) and _is_to_decide(reminder):
        return str(_("The notice deadline has passed."))
    return None


def reason_not_to_remind(reminder: RenewalReminder) -> str | Promise | None:
    """Why nobody needs to be told of this renewal any more; None where it is still to come."""
    contract = reminder.contract
    if reminder.tells_of_end:
        last_day = reminder.renewal_date - timedelta(days=1)
        if contract.state != ContractState.ENDED or contract.ends_on != last_day:
            return _("The contract did not end then.")
        return None
    if contract.state not in ContractState.LIVING:
        return _("The contract is over.")
    if contract.ends_on is not None:
        return _("An end of the contract is set.")
    if contract.awaits_decision:
        return _("The contract is cancelled; its last day is to be decided.")
    if contract.renewal_date != reminder.renewal_date:
        return _("The renewal date has moved.")
    return None


def _is_to_decide(reminder: RenewalReminder) -> bool:
    """Is it for those who have to decide by the notice deadline? So is a step that its policy
    does not have any more."""
    step = ReminderPolicyStep.objects.filter(
        policy=reminder.policy_id, number=reminder.step
    ).first()
    return step is None or step.is_deciding


def _last_day_to_go(reminder: RenewalReminder) -> date:
    """The notice deadline, or what the law asks for where its window clashes with that."""
    deadline = reminder.contract.notice_deadline
    if reminder.is_clash:
        return max(deadline, reminder.latest_on or reminder.due_on)
    return deadline


def _load(reminder_id: int) -> RenewalReminder:
    return RenewalReminder.objects.select_related(
        "contact", "policy", "contract__account", "contract__brand", "contract__product"
    ).get(pk=reminder_id)
