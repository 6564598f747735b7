from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from accounts.models import Account, RevenueDay
from accounts.sql import revenue as sql
from accounts.sql.lost_accounts import refresh_lost_accounts

logger = structlog.get_logger(__name__)

# So many missed days are made up for at once; an older gap is filled by `record_revenue --since`.
CATCH_UP_DAYS = 400
DAY = timedelta(days=1)


def record_revenue_days(*, at: datetime) -> int:
    """Record the revenue of each day that is over in UTC and not recorded yet, since the last
    recorded one, oldest first; the first time yesterday's alone. With yesterday's the accounts get
    their ARR and the mark of high value.

    One transaction for each day: a crash loses nothing. A second run beside this one leaves the
    day to it, one after it looks up a single row. Where a rate is missing the accounts and brands
    concerned stay as they are, and a warning names the currency. Answers how many days.
    """
    yesterday = at.astimezone(UTC).date() - DAY
    last = RevenueDay.objects.order_by("-day").values_list("day", flat=True).first()
    day = yesterday if last is None else max(last + DAY, yesterday - DAY * (CATCH_UP_DAYS - 1))
    recorded = 0
    while day <= yesterday:
        with transaction.atomic():
            if not sql.claim_revenue_day(day=day, at=at):
                break
            with sql.gathered_revenue(day=day, ends_known_from=yesterday):
                sql.record_gathered_revenue(day=day)
                if day == yesterday:
                    _value_accounts(day, at)
        recorded += 1
        day += DAY
    return recorded


def recompute_revenue(
    *,
    since: date,
    until: date,
    at: datetime,
    progress: Callable[[Sequence[date]], Iterable[date]] = iter,
) -> int:
    """Record the revenue of these days anew, from what is known now of contracts, prices and
    cancellations; one transaction for each. Days that are not over in UTC are left out. Answers
    how many were recorded."""
    yesterday = at.astimezone(UTC).date() - DAY
    number = (min(until, yesterday) - since).days + 1
    days = [since + DAY * offset for offset in range(number)]
    for day in progress(days):
        with transaction.atomic():
            RevenueDay.objects.update_or_create(day=day, defaults={"recorded_at": at})
            with sql.gathered_revenue(day=day, ends_known_from=yesterday):
                sql.record_gathered_revenue(day=day)
    return len(days)


def _value_accounts(day: date, at: datetime) -> None:
    missing = sql.missing_rates(day=day)
    for currency in sorted({rate.currency for rate in missing}):
        logger.warning("exchange_rate_missing", currency=currency, day=day.isoformat())
    sql.refresh_account_arr(day=day)
    sql.flag_high_value(
        share=settings.CXCRM_HIGH_VALUE_SHARE, left_out=sorted({rate.brand_id for rate in missing})
    )
    # Accounts that were lost when a rate was missing which has been entered since.
    unvalued = Account.objects.filter(lost_on__isnull=False, lost_arr=None).values_list(
        "pk", flat=True
    )
    if account_ids := list(unvalued):
        refresh_lost_accounts(account_ids=account_ids, at=at)
