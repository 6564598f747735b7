"""What nobody asks for any more."""

from datetime import datetime, timedelta

from cxcrm.api.models import KeyUse
from cxcrm.base.limits import forget_counts
from cxcrm.base.rest.once import forget_answers

USES_KEPT_FOR = timedelta(days=400)


def forget_old(*, at: datetime) -> dict[str, int]:
    """Forget answers for repeated requests, counts of limits, and old uses of keys; how many."""
    return {
        "answers": forget_answers(at=at),
        "counts": forget_counts(at=at),
        "uses": KeyUse.objects.filter(hour__lt=at - USES_KEPT_FOR).delete()[0],
    }
