"""The texts of what customers are told of their cancellations, and examples of each variant."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.enums import CancellationKind
from accounts.services.mail_texts import ALWAYS, CLOSING, EXTRA, SALUTATION, always_known
from cxcrm.outbox.services import MailExample, MailText, day_in_words

_WITH_LAST_DAY = (*ALWAYS, "last_day")

RECEIVED_TEXTS = (
    MailText(
        "subject_received",
        _("Subject: a cancellation"),
        _("{product}: we received your cancellation"),
        ALWAYS,
        in_one_line=True,
    ),
    MailText(
        "subject_withdrawal",
        _("Subject: a withdrawal"),
        _("{product}: we received your withdrawal"),
        ALWAYS,
        in_one_line=True,
    ),
    SALUTATION,
    MailText(
        "opening_received",
        _("Opening: the last day is known"),
        _("We received your cancellation. The last day of your contract is {last_day}."),
        _WITH_LAST_DAY,
    ),
    MailText(
        "opening_undecided",
        _("Opening: the last day will be decided"),
        _(
            "We received your cancellation. We will tell you the last day of your contract in a "
            "separate mail."
        ),
        ALWAYS,
    ),
    MailText(
        "opening_withdrawal",
        _("Opening: a withdrawal"),
        _("We received your withdrawal. With it your contract is over."),
        ALWAYS,
    ),
    EXTRA,
    CLOSING,
)

DECIDED_TEXTS = (
    MailText(
        "subject_decided",
        _("Subject"),
        _("{product}: your contract ends on {last_day}"),
        _WITH_LAST_DAY,
        in_one_line=True,
    ),
    SALUTATION,
    MailText(
        "opening_decided",
        _("Opening"),
        _("Your cancellation takes effect. The last day of your contract is {last_day}."),
        _WITH_LAST_DAY,
    ),
    EXTRA,
    CLOSING,
)


def receipt_placeholders(facts: dict[str, Any]) -> dict[str, str]:
    last_day = facts["effective_on"]
    return {**always_known(facts), "last_day": day_in_words(last_day) if last_day else ""}


def received_examples(brand: dict[str, str], on: date) -> list[MailExample]:
    ordinary = _ordinary(brand, on)
    return [
        MailExample("received", _("The last day is known"), ordinary),
        MailExample(
            "undecided",
            _("The last day will be decided"),
            ordinary | {"kind": str(CancellationKind.SWITCH.label), "effective_on": None},
        ),
        MailExample(
            "withdrawal",
            _("A withdrawal"),
            ordinary
            | {
                "is_withdrawal": True,
                "kind": str(CancellationKind.WITHDRAWAL.label),
                "wished_on": None,
                "effective_on": on,
            },
        ),
    ]


def decided_examples(brand: dict[str, str], on: date) -> list[MailExample]:
    return [
        MailExample(
            "decided", _("The last day is known"), _ordinary(brand, on) | {"is_decision": True}
        )
    ]


def _ordinary(brand: dict[str, str], on: date) -> dict[str, Any]:
    return {
        "brand": brand,
        "recipient_name": "Rosa Morgenrot",
        "is_decision": False,
        "is_withdrawal": False,
        "kind": str(CancellationKind.ORDINARY.label),
        "customer": "Café Morgenrot",
        "customer_number": "K-7",
        "product": "Webhosting Pro",
        "contract_number": "V-1047",
        "received_at": datetime.combine(on, time(9, 30), UTC),
        "time_zone": "Europe/Berlin",
        "wished_on": on + timedelta(days=30),
        "effective_on": on + timedelta(days=60),
        "reason": "",
    }
