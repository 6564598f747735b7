"""Six digits by mail, which show that whoever cancels by a link reads the mails of its reader."""

from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Contract, DecisionCode, RenewalReminder
from accounts.models.renewals import MOST_WRONG_TRIES
from accounts.services.brands import brand_facts
from accounts.services.mail_texts import ALWAYS, CLOSING, SALUTATION, always_known
from cxcrm.base.errors import DomainError
from cxcrm.base.links import code as digits_of
from cxcrm.base.links import is_code
from cxcrm.outbox.enums import MailClass
from cxcrm.outbox.services import (
    MailExample,
    MailKind,
    MailRequest,
    MailText,
    queue_mails,
    register_mail_kind,
)

DECISION_CODE = "decision_code"
VALID_FOR = timedelta(minutes=15)
# Of one reminder; more would be a nuisance in somebody's mailbox, and more tries to guess.
MOST_CODES = 3
MOST_CODES_WITHIN = timedelta(hours=1)


TEXTS = (
    MailText(
        "subject", _("Subject"), _("{product}: your code to cancel"), ALWAYS, in_one_line=True
    ),
    SALUTATION,
    MailText(
        "opening",
        _("Opening"),
        _("You asked for a code to cancel your contract {contract_number}, {product}."),
        ALWAYS,
    ),
    MailText(
        "if_not_asked_for",
        _("For readers who asked for none"),
        _("If you did not ask for it, do nothing: without this code nobody can cancel."),
        ALWAYS,
    ),
    CLOSING,
)


class TooManyCodes(DomainError):
    code = "too_many_codes"


class NoAddressForCode(DomainError):
    code = "no_address_for_code"


def queue_code(
    reminder: RenewalReminder, contract: Contract, *, language: str, at: datetime
) -> DecisionCode:
    """Mail a new code to the reminder's contact, in the caller's transaction, which has locked
    the contract. Raises TooManyCodes, NoAddressForCode."""
    address = reminder.contact.address if reminder.contact else None
    if address is None or address.bounced_at is not None:
        raise NoAddressForCode(_("There is no working mail address to send a code to."))
    if reminder.codes.filter(created_at__gt=at - MOST_CODES_WITHIN).count() >= MOST_CODES:
        raise TooManyCodes(_("Enough codes were sent for now."))
    code = DecisionCode.objects.create(reminder=reminder, created_at=at, expires_at=at + VALID_FOR)
    queue_mails(
        kind=DECISION_CODE,
        requests=[
            MailRequest(
                subject_id=code.pk,
                address_id=address.pk,
                language=language,
                account_id=contract.account_id,
                time_zone=contract.account.time_zone,
                useful_until=code.expires_at,
            )
        ],
        at=at,
    )
    return code


def newest_code(reminder_id: int) -> DecisionCode | None:
    """The only one that may be valid."""
    return DecisionCode.objects.filter(reminder_id=reminder_id).order_by("-id").first()


def is_valid(code: DecisionCode, *, at: datetime) -> bool:
    return code.used_at is None and at < code.expires_at and code.wrong_tries < MOST_WRONG_TRIES


def fits(code: DecisionCode, digits: str) -> bool:
    return is_code(DECISION_CODE, code.pk, digits)


def register_mail_kinds() -> None:
    register_mail_kind(
        MailKind(
            name=DECISION_CODE,
            label=_("Code to cancel"),
            mail_class=MailClass.SERVICE,
            template="accounts/mail/decision_code",
            facts=decision_code_facts,
            refusal=decision_code_refusal,
            secrets=decision_code_secrets,
            texts=TEXTS,
            placeholders=always_known,
            examples=decision_code_examples,
            at_any_hour=True,
        )
    )


def decision_code_facts(code_id: int, at: datetime) -> dict[str, Any]:
    code = _load(code_id)
    contract = code.reminder.contract
    contact = code.reminder.contact
    return {
        "brand": brand_facts(contract.brand),
        "recipient_name": contact.name if contact else contract.account.name,
        "product": contract.product.name,
        "contract_number": contract.external_id,
        "minutes": VALID_FOR // timedelta(minutes=1),
    }


def decision_code_refusal(code_id: int, at: datetime) -> str | None:
    """Why a code must not go any more, asked again when a worker is about to send it."""
    code = _load(code_id)
    newest = newest_code(code.reminder_id)
    if newest != code:
        return str(_("A newer code was asked for."))
    if not is_valid(code, at=at):
        return str(_("The code is not valid any more."))
    return None


def decision_code_secrets(code_id: int) -> dict[str, str]:
    return {"code": digits_of(DECISION_CODE, code_id)}


def decision_code_examples(brand: dict[str, str], on: date) -> list[MailExample]:
    facts = {
        "brand": brand,
        "recipient_name": "Rosa Morgenrot",
        "product": "Webhosting Pro",
        "contract_number": "V-1047",
        "minutes": VALID_FOR // timedelta(minutes=1),
    }
    return [MailExample("code", _("Code to cancel"), facts)]


def _load(code_id: int) -> DecisionCode:
    return DecisionCode.objects.select_related(
        "reminder__contact",
        "reminder__contract__account",
        "reminder__contract__brand",
        "reminder__contract__product",
    ).get(pk=code_id)
