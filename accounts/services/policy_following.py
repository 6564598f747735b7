from datetime import UTC, datetime, time
from time import monotonic

from django.db import transaction

from accounts.models import ReminderPolicy
from accounts.sql import policy_following as sql
from accounts.sql.contract_dates import repair_contract_dates

IDS_AT_ONCE = 50_000
# Of one run, which others wait for.
MOST_SECONDS = 60


def follow_policies(*, at: datetime) -> int:
    """Bring the dates and next reminders of all contracts in line with the policies, where one of
    these has changed, and once in each day of UTC: that also repairs whatever went wrong.

    In short transactions over ranges of contracts, each of which notes how far it came: what a
    crash or the end of a minute leaves over is the next run's, and a second run beside this one
    leaves all to it. A policy that changes meanwhile is followed from the start again. Answers how
    many contracts changed.
    """
    today = datetime.combine(at.astimezone(UTC).date(), time.min, UTC)
    if not sql.furthest_behind(since=today):
        return 0
    changed = 0
    stop_at = monotonic() + MOST_SECONDS
    with sql.following_alone() as is_alone:
        while is_alone:
            with transaction.atomic():
                behind = sql.furthest_behind(since=today)
                if behind:
                    changed += _follow_range(behind, at)
            if not behind or monotonic() >= stop_at:
                break
    return changed


def _follow_range(behind: sql.Behind, at: datetime) -> int:
    up_to = behind.up_to + IDS_AT_ONCE
    is_last = up_to >= sql.last_contract_id()
    changed = repair_contract_dates(first_id=behind.up_to + 1, last_id=up_to, at=at)
    sql.mark_policies_followed(
        versions=behind.versions,
        up_to=0 if is_last else up_to,
        followed_at=at if is_last else None,
    )
    return changed


def follow_changed_policies(*, at: datetime) -> None:
    """Bring all contracts in line with the policies now, in the caller's transaction and however
    long it takes, where there are changes that they do not follow to the end yet. Nothing is
    noted, so the next run looks again."""
    if ReminderPolicy.objects.filter(followed_at=None).exists():
        for first_id in range(1, sql.last_contract_id() + 1, IDS_AT_ONCE):
            repair_contract_dates(first_id=first_id, last_id=first_id + IDS_AT_ONCE - 1, at=at)


def follow_policies_again() -> None:
    """Have all contracts brought in line with the policies as soon as a worker has time."""
    ReminderPolicy.objects.update(followed_at=None, followed_up_to=0)


def rest_from_repair(*, until: datetime) -> None:
    """Have the nightly repair rest until an instant, as where a past is played in which nothing
    breaks. A policy that is saved meanwhile is followed all the same."""
    ReminderPolicy.objects.update(followed_at=until, followed_up_to=0)
