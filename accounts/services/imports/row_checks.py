"""What does not fit together inside one row of a feed."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

from django.utils.translation import gettext as _

from accounts.enums import AfterTerm, ImportKind
from accounts.services.imports.fields import MAIL_CLASSES

Values = dict[str, Any]
Faults = Iterator[tuple[str, str]]

# Where a day ends last.
_LAST_ZONE = timezone(timedelta(hours=-12))


def faults_of_row(kind: ImportKind) -> Callable[[Values, date], Faults]:
    """For a kind of feed: fields that do not fit to others of the same row, with the reason."""
    return _CHECKS[kind]


def _contact(values: Values, as_of: date) -> Faults:
    if values["contact_name"] is None:
        for name in ("contact_number", "contact_address", "contact_phone"):
            if values[name]:
                yield "contact_name", _("is missing, and there is a %s") % name
    for mail_class in MAIL_CLASSES:
        names = [f"{mail_class}_{part}" for part in ("basis", "source", "since")]
        given = [name for name in names if values[name] is not None]
        if given:
            for name in names:
                if name not in given:
                    yield name, _("is missing, and there is a %s") % given[0]
            if values["contact_address"] is None:
                yield given[0], _("belongs to a mail address, and there is none")
            since = values[f"{mail_class}_since"]
            if since is not None and _day_of(since) > as_of:
                yield f"{mail_class}_since", _("lies after %s") % as_of


def _day_of(text: str) -> date:
    """The day of a moment where the customer lives or, of one with an offset, the earliest day
    that it can be there."""
    moment = datetime.fromisoformat(text)
    return (moment.astimezone(_LAST_ZONE) if moment.tzinfo else moment).date()


def _contract(values: Values, as_of: date) -> Faults:
    starts_on, ends_on = values["starts_on"], values["ends_on"]
    if ends_on is not None and ends_on < starts_on:
        yield "ends_on", _("lies before the start, %s") % starts_on
    if values["after_term"] == AfterTerm.RENEWS:
        for name in ("first_term_months", "renewal_term_months"):
            if values[name] is None:
                yield name, _("is missing, and the contract renews")
    elif values["renewal_term_months"] is not None:
        yield "renewal_term_months", _("must be empty, as the contract does not renew")
    yield from _both(values, "promotion_ends_on", "price_after_promotion")
    for name in ("reminded_on", "cancelled_on"):
        if values[name] is not None and values[name] > as_of:
            yield name, _("lies after %s") % as_of
    yield from _contact(values, as_of)


def _product(values: Values, as_of: date) -> Faults:
    """`offers` looks at products beside what is there."""
    return iter(())


def _cancellation(values: Values, as_of: date) -> Faults:
    if values["contract_number"] is None and values["account_number"] is None:
        yield "contract_number", _("is missing, and so is the account_number")
    if values["cancelled_on"] > as_of:
        yield "cancelled_on", _("lies after %s") % as_of


def _both(values: Values, first: str, second: str) -> Faults:
    for name, other in ((first, second), (second, first)):
        if values[name] is None and values[other] is not None:
            yield name, _("is missing, and there is a %s") % other


_CHECKS: dict[ImportKind, Callable[[Values, date], Faults]] = {
    ImportKind.ACCOUNTS: _contact,
    ImportKind.CONTACTS: _contact,
    ImportKind.PRODUCTS: _product,
    ImportKind.CONTRACTS: _contract,
    ImportKind.CANCELLATIONS: _cancellation,
}
