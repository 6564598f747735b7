from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from accounts.models import Account, RevenueDay
from accounts.services.lost_accounts import note_lost_accounts
from accounts.sql import revenue as sql

logger = structlog.get_logger(__name__)

# So many missed days are made up for at once; an older gap is filled by `record_revenue --since`.
CATCH_UP_DAYS = 400
BATCH = 5_000
DAY = timedelta(days=1)


def record_revenue_days(*, at: datetime) -> int:
    """Record the revenue of each day that is over in UTC and not recorded yet, from the first
    recorded one on, oldest first; the first time yesterday's alone. Then the accounts get their
    ARR as of yesterday and the mark of high value.

    One transaction for each day: a crash loses nothing. A second run beside this one leaves the
    day to it, one after it finds nothing due. Accounts that others hold locked are left out, and
    the next run tries again. Where a rate is missing the accounts and brands concerned stay as
    they are, and a warning names the currency. Answers how many days.
    """
    yesterday = at.astimezone(UTC).date() - DAY
    due = sql.due_revenue_days(since=yesterday - DAY * (CATCH_UP_DAYS - 1), last=yesterday)
    recorded = 0
    for day in due:
        with transaction.atomic():
            if sql.claim_revenue_day(day=day, at=at):
                sql.gather_revenue(day=day, ends_known_from=yesterday)
                sql.record_gathered_revenue(day=day)
                recorded += 1
    if due:
        _value_accounts(yesterday, at)
    return recorded


def recompute_revenue(
    *,
    since: date,
    until: date,
    at: datetime,
    progress: Callable[[Sequence[date]], Iterable[date]] = iter,
) -> int:
    """Record the revenue of these days anew, from what is known now of contracts, prices and
    cancellations; one transaction for each. With yesterday's the accounts are valued, too. Days
    that are not over in UTC are left out. Answers how many were recorded."""
    yesterday = at.astimezone(UTC).date() - DAY
    number = (min(until, yesterday) - since).days + 1
    days = [since + DAY * offset for offset in range(number)]
    for day in progress(days):
        with transaction.atomic():
            RevenueDay.objects.update_or_create(
                day=day, defaults={"recorded_at": at, "accounts_valued_at": None}
            )
            sql.gather_revenue(day=day, ends_known_from=yesterday)
            sql.record_gathered_revenue(day=day)
    if yesterday in days:
        _value_accounts(yesterday, at)
    return len(days)


def _value_accounts(day: date, at: datetime) -> None:
    """In short transactions of their own, so that nobody who saves an account waits for long, and
    once for each recorded day."""
    pending = RevenueDay.objects.filter(day=day, accounts_valued_at=None)
    with sql.valuing_alone() as is_alone:
        if not (is_alone and pending.exists()):
            return
        sql.gather_revenue(day=day, ends_known_from=day)
        missing = sql.missing_rates(day=day)
        for currency in sorted({rate.currency for rate in missing}):
            logger.warning("exchange_rate_missing", currency=currency, day=day.isoformat())
        are_all_valued = sql.refresh_account_arr(day=day, batch=BATCH)
        are_all_marked = sql.flag_high_value(
            share=settings.CXCRM_HIGH_VALUE_SHARE,
            left_out=sorted({rate.brand_id for rate in missing}),
            batch=BATCH,
        )
        _value_lost_accounts(at)
        if are_all_valued and are_all_marked:
            pending.update(accounts_valued_at=at)


def _value_lost_accounts(at: datetime) -> None:
    """Those that were lost when a rate was missing which has been entered since."""
    unvalued = Account.objects.filter(lost_on__isnull=False, lost_arr=None).order_by("pk")
    last = 0
    while True:
        with transaction.atomic():
            locked = unvalued.select_for_update(no_key=True, skip_locked=True)
            ids = list(locked.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH])
            if not ids:
                return
            note_lost_accounts(account_ids=ids, at=at)
            last = ids[-1]
