"""Customers keep or cancel a contract by the link in a renewal reminder."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.enums import CancellationKind, CancellationOrigin, ContractState
from accounts.models import Cancellation, Contact, Contract, DecisionCode, RenewalReminder
from accounts.models.renewals import MOST_WRONG_TRIES
from accounts.rules.ends import (
    ONE_DAY,
    end_if_cancelled,
    notice_deadline,
    renewal_date_after,
    terms_of,
)
from accounts.services.cancellations import cancel_contract
from accounts.services.contracts import day_of, lock_contract
from accounts.services.decision_codes import fits, is_valid, newest_code, queue_code
from accounts.services.keeping import kept_since, note_kept
from accounts.services.windows import window_state
from accounts.sql.deciders import any_decides, contact_decides
from cxcrm.base.errors import DomainError
from cxcrm.users.models import User
from cxcrm.users.services import verified_addresses


class NothingToDecide(DomainError):
    code = "nothing_to_decide"


class LastDayChanged(DomainError):
    code = "last_day_changed"


class CodeIsVoid(DomainError):
    code = "code_is_void"


class CodeIsWrong(DomainError):
    code = "code_is_wrong"


class MayNotDecide(DomainError):
    code = "may_not_decide"


class LinkState(StrEnum):
    """What the link of a reminder is good for at the moment."""

    OPEN = "open"  # past the renewal, too, while by law the customer may leave at any time
    CANCELLED = "cancelled"  # and still running
    ENDED = "ended"
    PAST = "past"  # the renewal has come or was moved; the contract runs on
    NOT_YOURS = "not_yours"  # its reader does not decide any more


@dataclass(frozen=True)
class Decision:
    """What the link of a reminder opens; the contract comes with account, brand and product.

    `last_day`: that of the contract if it is cancelled now; None where an agent will decide it,
    because by law the customer may leave at any time.
    """

    reminder: RenewalReminder
    contract: Contract
    state: LinkState
    kept_at: datetime | None
    last_day: date | None

    @property
    def contact(self) -> Contact | None:
        return self.reminder.contact

    @property
    def language(self) -> str:
        own = self.contact.language if self.contact else ""
        return own or self.contract.account.language


def load_decision(*, reminder_id: int, at: datetime) -> Decision | None:
    """What the link of a reminder opens at `at`; None where there is no such reminder."""
    reminder = _reminders().filter(pk=reminder_id).first()
    if reminder is None:
        return None
    contract = Contract.objects.select_related("account", "brand", "product").get(
        pk=reminder.contract_id
    )
    return _decision(reminder, contract, at)


def keep_contract(*, reminder_id: int, at: datetime) -> None:
    """Note that the customer stays, once per renewal, whichever link or system said it first.

    Raises NothingToDecide where the contract is cancelled or over, the renewal past, or the
    reader of the link does not decide any more.
    """
    with transaction.atomic():
        decision = _lock_open(reminder_id, at)
        if decision.kept_at is not None:
            return
        note_kept(
            contract=decision.contract,
            renewal_date=decision.reminder.renewal_date,
            reminders=RenewalReminder.objects.filter(pk=reminder_id),
            contact_id=decision.reminder.contact_id,
            at=at,
        )


def send_decision_code(*, reminder_id: int, at: datetime) -> DecisionCode:
    """Mail the reminder's reader six digits to cancel with; older ones are void from now on.

    Raises NothingToDecide, TooManyCodes, NoAddressForCode.
    """
    with transaction.atomic():
        decision = _lock_open(reminder_id, at)
        return queue_code(decision.reminder, decision.contract, language=decision.language, at=at)


def cancel_by_code(
    *,
    reminder_id: int,
    digits: str,
    told_last_day: date | None,
    wished_on: date | None = None,
    reason_id: int | None = None,
    at: datetime,
) -> Cancellation:
    """Cancel a contract for whoever brings the digits that were mailed last.

    Digits that are wrong count, and are the one thing written where CodeIsWrong is raised.
    `told_last_day`: what the page said. Raises NothingToDecide, CodeIsVoid (field `code`),
    CodeIsWrong (`code`), LastDayChanged, and DayNotPossible (`wished_on`).
    """
    with transaction.atomic():
        decision = _lock_open(reminder_id, at)
        code = newest_code(reminder_id)
        if code is None or not is_valid(code, at=at):
            raise CodeIsVoid(
                _("This code is not valid any more. Please have a new one sent."), field="code"
            )
        if fits(code, digits):
            DecisionCode.objects.filter(pk=code.pk).update(used_at=at)
            return _cancel(decision, told_last_day, wished_on, reason_id, at)
        DecisionCode.objects.filter(pk=code.pk, wrong_tries__lt=MOST_WRONG_TRIES).update(
            wrong_tries=F("wrong_tries") + 1
        )
    raise CodeIsWrong(_("These are not the digits of the last mail."), field="code")


def cancel_signed_in(
    *,
    reminder_id: int,
    user: User,
    told_last_day: date | None,
    wished_on: date | None = None,
    reason_id: int | None = None,
    at: datetime,
) -> Cancellation:
    """Cancel a contract for a user who needs no code; see `decides_signed_in`.

    Raises MayNotDecide, else as `cancel_by_code`.
    """
    with transaction.atomic():
        decision = _lock_open(reminder_id, at)
        if not decides_signed_in(user=user, account_id=decision.contract.account_id):
            raise MayNotDecide(_("Your login does not decide about this contract."))
        return _cancel(decision, told_last_day, wished_on, reason_id, at, actor=user)


def decides_signed_in(*, user: User, account_id: int) -> bool:
    """Whether an address that is proven to be the user's is that of a contact of the account who
    may decide. Staff enter cancellations at the desk, in their own name."""
    addresses = verified_addresses(user)
    return bool(addresses) and any_decides(account_id=account_id, addresses=addresses)


def _cancel(
    decision: Decision,
    told_last_day: date | None,
    wished_on: date | None,
    reason_id: int | None,
    at: datetime,
    actor: User | None = None,
) -> Cancellation:
    if decision.last_day != told_last_day:
        raise LastDayChanged(
            _("The last day has changed since you opened the page. Please look at it again.")
        )
    kind = CancellationKind.ORDINARY
    if decision.last_day is None:
        kind = CancellationKind.EXTRAORDINARY
    return cancel_contract(
        contract_id=decision.contract.pk,
        kind=kind,
        origin=CancellationOrigin.CUSTOMER,
        received_at=at,
        wished_on=wished_on,
        reason_id=reason_id,
        at=at,
        actor=actor,
    )


def _lock_open(reminder_id: int, at: datetime) -> Decision:
    """With its contract locked until the end of the transaction."""
    reminder = _reminders().get(pk=reminder_id)
    contract = lock_contract(reminder.contract_id)
    decision = _decision(reminder, contract, at)
    if decision.state != LinkState.OPEN:
        raise NothingToDecide(_("There is nothing to decide by this link any more."))
    return decision


def _decision(reminder: RenewalReminder, contract: Contract, at: datetime) -> Decision:
    reminder.contract = contract
    today = day_of(contract.account, at)
    is_free = window_state(reminder, at=at).is_free
    return Decision(
        reminder=reminder,
        contract=contract,
        state=_state(reminder, contract, today, is_free=is_free),
        kept_at=kept_since(contract_id=contract.pk, renewal_date=reminder.renewal_date),
        last_day=_last_day(reminder, contract, today, is_free=is_free),
    )


def _last_day(
    reminder: RenewalReminder, contract: Contract, today: date, *, is_free: bool
) -> date | None:
    if is_free and today > notice_deadline(terms_of(contract), reminder.renewal_date):
        return None
    return end_if_cancelled(contract, on=today)


def _state(
    reminder: RenewalReminder, contract: Contract, today: date, *, is_free: bool
) -> LinkState:
    contact_id = reminder.contact_id
    account_id = contract.account_id
    if contact_id is None or not contact_decides(contact_id=contact_id, account_id=account_id):
        return LinkState.NOT_YOURS
    if contract.state not in ContractState.LIVING:
        return LinkState.ENDED
    if contract.ends_on is not None or contract.awaits_decision:
        return LinkState.CANCELLED
    if _is_past(reminder, contract, today, is_free=is_free):
        return LinkState.PAST
    return LinkState.OPEN


def _is_past(reminder: RenewalReminder, contract: Contract, today: date, *, is_free: bool) -> bool:
    """Was the renewal moved, or has it come? Whom the law frees may leave until the next one."""
    renewal_date = reminder.renewal_date
    if not is_free or today < renewal_date:
        return contract.renewal_date != renewal_date or today >= renewal_date
    terms = terms_of(contract)
    if renewal_date_after(terms, renewal_date - ONE_DAY) != renewal_date:
        return True
    following = renewal_date_after(terms, renewal_date)
    return following is not None and today >= following


def _reminders():
    return RenewalReminder.objects.select_related("contact__address", "policy")
