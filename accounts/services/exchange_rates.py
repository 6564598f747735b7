from datetime import date
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import ExchangeRate
from cxcrm.base.errors import DomainError


class NoRateNeeded(DomainError):
    code = "no_rate_needed"


def add_exchange_rate(*, currency: str, valid_from: date, rate: Decimal) -> ExchangeRate:
    """Say what one unit of a currency is worth in the reporting currency from a day on.

    Raises NoRateNeeded for the reporting currency itself, and ValidationError naming the fields
    that do not fit.
    """
    row = ExchangeRate(currency=currency, valid_from=valid_from, rate=rate)
    keep_exchange_rate(row)
    return row


def keep_exchange_rate(row: ExchangeRate) -> None:
    """Write a rate as it has been filled in. Raises as `add_exchange_rate` does."""
    check_currency(row.currency)
    row.full_clean()
    row.save()


def check_currency(currency: str) -> None:
    if currency == settings.CXCRM_REPORTING_CURRENCY:
        raise NoRateNeeded(
            _("This is the reporting currency: it is worth 1 by definition."), field="currency"
        )
