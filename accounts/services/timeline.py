from datetime import datetime

from accounts.enums import TimelineKind
from accounts.models import TimelineEvent


def record_event(
    *,
    account_id: int,
    kind: TimelineKind,
    at: datetime,
    contract_id: int | None = None,
    actor=None,
    **facts,
) -> None:
    """Write one event into the account's timeline, in the caller's transaction."""
    TimelineEvent.objects.create(
        account_id=account_id,
        contract_id=contract_id,
        kind=kind,
        occurred_at=at,
        actor=actor,
        facts=facts,
    )
