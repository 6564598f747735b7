"""Limits per minute, counted in PostgreSQL: losing Redis opens no door."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError

from cxcrm.base.logs import fault_facts
from cxcrm.base.models import LimitCount
from cxcrm.base.sql.limits import count_in_minute

logger = structlog.get_logger(__name__)

KEPT_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Allowance:
    """What is left of a limit in this minute."""

    limit: int
    count: int
    seconds_left: float

    @property
    def is_used_up(self) -> bool:
        return self.count > self.limit

    @property
    def left(self) -> int:
        return max(0, self.limit - self.count)


def take_from_limit(bucket: str, *, limit: int) -> Allowance | None:
    """Count something in the minute that runs; None where it cannot be counted, which lets it
    pass. Call it outside any transaction: what is refused counts, too."""
    try:
        count, seconds_left = count_in_minute(bucket=bucket)
    except DatabaseError as error:
        logger.warning("limit_not_counted", **fault_facts(error))
        return None
    return Allowance(limit, count, seconds_left)


def forget_counts(*, at: datetime) -> int:
    return LimitCount.objects.filter(window_at__lt=at - KEPT_FOR).delete()[0]
