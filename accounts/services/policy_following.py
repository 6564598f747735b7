from datetime import UTC, datetime, time

from django.db import transaction
from django.db.models import Q

from accounts.models import ReminderPolicy
from accounts.sql import policy_following as sql
from accounts.sql.contract_dates import repair_contract_dates

IDS_AT_ONCE = 50_000


def follow_policies(*, at: datetime) -> int:
    """Bring the dates and next reminders of all contracts in line with the policies, where one of
    these has changed, and once in each day of UTC: that also repairs whatever went wrong.

    In short transactions over ranges of contracts; a crash leaves the rest to the next run, and a
    second run beside this one leaves all to it. A policy that changes meanwhile is followed again.
    Answers how many contracts changed.
    """
    today = datetime.combine(at.astimezone(UTC).date(), time.min, UTC)
    due = ReminderPolicy.objects.filter(Q(followed_at=None) | Q(followed_at__lt=today))
    if not due.exists():
        return 0
    with sql.following_alone() as is_alone:
        if not (is_alone and due.exists()):
            return 0
        versions = sql.policy_versions()
        changed = 0
        for first_id in range(1, sql.last_contract_id() + 1, IDS_AT_ONCE):
            with transaction.atomic():
                changed += repair_contract_dates(
                    first_id=first_id, last_id=first_id + IDS_AT_ONCE - 1, at=at
                )
        sql.mark_policies_followed(versions=versions, at=at)
    return changed


def rest_from_repair(*, until: datetime) -> None:
    """Have the nightly repair rest until an instant, as where a past is played in which nothing
    breaks. A policy that is saved meanwhile is followed all the same."""
    ReminderPolicy.objects.update(followed_at=until)
