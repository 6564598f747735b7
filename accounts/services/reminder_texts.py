"""The texts of a renewal reminder, and examples of each of its variants."""

from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.services.mail_texts import ALWAYS, CLOSING, EXTRA, SALUTATION, always_known
from cxcrm.outbox.services import MailExample, MailText, day_in_words

RENEWAL_REMINDER = "renewal_reminder"

# Where a missed window frees the customer, no mail may name a last day to cancel: the texts that
# such a mail shares with others do not know it.
_WITH_DATE = (*ALWAYS, "renewal_date")
_WITH_DEADLINE = (*_WITH_DATE, "last_day_to_cancel")

REMINDER_TEXTS = (
    MailText(
        "subject_renews",
        _("Subject: it renews"),
        _("{product}: renews on {renewal_date}"),
        _WITH_DEADLINE,
        in_one_line=True,
    ),
    MailText(
        "subject_open_ended",
        _("Subject: its fixed term ends"),
        _("{product}: no fixed term from {renewal_date}"),
        _WITH_DEADLINE,
        in_one_line=True,
    ),
    MailText(
        "subject_free",
        _("Subject: a missed window frees the customer"),
        _("{product}: renewal on {renewal_date}, you may leave at any time"),
        _WITH_DATE,
        in_one_line=True,
    ),
    MailText(
        "subject_expired",
        _("Subject: it has ended with its term"),
        _("{product}: your contract has ended"),
        _WITH_DATE,
        in_one_line=True,
    ),
    SALUTATION,
    MailText(
        "opening_renews",
        _("Opening: it renews"),
        _(
            "Your contract renews on {renewal_date}. You can still decide until "
            "{last_day_to_cancel}."
        ),
        _WITH_DEADLINE,
    ),
    MailText(
        "opening_open_ended",
        _("Opening: its fixed term ends"),
        _(
            "From {renewal_date} your contract runs on without a fixed term. To end it before "
            "that, cancel by {last_day_to_cancel}."
        ),
        _WITH_DEADLINE,
    ),
    MailText(
        "opening_free",
        _("Opening: a missed window frees the customer"),
        _(
            "The renewal date of your contract is {renewal_date}. We are writing later than the "
            "law asks of us. So you may end the contract at any time, also after that day and "
            "free of charge."
        ),
        _WITH_DATE,
    ),
    MailText(
        "opening_deadline_passed",
        _("Opening: the last day to cancel has passed"),
        _(
            "Your contract runs on after {renewal_date}. The last day to cancel before that was "
            "{last_day_to_cancel}."
        ),
        _WITH_DEADLINE,
    ),
    MailText(
        "opening_expired",
        _("Opening: it has ended with its term"),
        _(
            "Your contract has ended with its term and has been over since {renewal_date}. If "
            "that is not what you wanted, please write to us soon."
        ),
        _WITH_DATE,
    ),
    MailText(
        "late",
        _("Note in mails that are late"),
        _("We are writing later than usual, and we are sorry for that."),
        ALWAYS,
    ),
    EXTRA,
    CLOSING,
)


def reminder_placeholders(facts: dict[str, Any]) -> dict[str, str]:
    deadline = facts["notice_deadline"]
    return {
        **always_known(facts),
        "renewal_date": day_in_words(facts["renewal_date"]),
        "last_day_to_cancel": day_in_words(deadline) if deadline else "",
    }


def reminder_examples(brand: dict[str, str], on: date) -> list[MailExample]:
    """One of each variant, as if today were `on`."""
    renewal = on + timedelta(days=45)
    renews = {
        "brand": brand,
        "recipient_name": "Rosa Morgenrot",
        "product": "Webhosting Pro",
        "contract_number": "V-1047",
        "renewal_date": renewal,
        "notice_deadline": renewal - timedelta(days=31),
        "price_now": "14.00",
        "price_after": "16.00",
        "prices_ahead": [{"price": "16.00", "from_day": renewal}],
        "currency": "EUR",
        "billing_period_months": 1,
        "tax_rate": "19.00",
        "with_tax": False,
        "renews": True,
        "term_months": 12,
        "renewal_term_months": 12,
        "notice_months": 1,
        "notice_days": 0,
        "is_late": False,
        "window_missed": False,
        "deadline_passed": False,
        "is_expired": False,
    }
    return [
        MailExample("renews", _("It renews, at another price"), renews),
        MailExample(
            "open_ended",
            _("Its fixed term ends"),
            renews | {"renews": False, "renewal_term_months": 0, "prices_ahead": []},
        ),
        MailExample("late", _("It renews, and the mail is late"), renews | {"is_late": True}),
        MailExample(
            "free",
            _("A missed window frees the customer"),
            renews | {"is_late": True, "window_missed": True},
        ),
        MailExample(
            "deadline_passed",
            _("The last day to cancel has passed"),
            renews
            | {
                "renewal_date": on + timedelta(days=7),
                "notice_deadline": on - timedelta(days=24),
                "prices_ahead": [],
                "deadline_passed": True,
            },
        ),
        MailExample(
            "expired",
            _("It has ended with its term"),
            renews
            | {
                "renewal_date": on - timedelta(days=3),
                "notice_deadline": on - timedelta(days=4),
                "prices_ahead": [],
                "deadline_passed": True,
                "is_expired": True,
            },
        ),
    ]
