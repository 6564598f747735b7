"""Customers say that they keep a contract: noted once per renewal, through whichever door."""

from datetime import date, datetime

from django.db.models import Min, QuerySet

from accounts.enums import TimelineKind
from accounts.models import Contract, RenewalReminder, TimelineEvent
from accounts.services.timeline import record_event


def kept_since(*, contract_id: int, renewal_date: date) -> datetime | None:
    """When the customer first said to stay beyond a renewal date. The timeline knows: there may be
    no reminder of that renewal."""
    said = TimelineEvent.objects.filter(
        contract_id=contract_id,
        kind=TimelineKind.CONTRACT_KEPT,
        facts__renewal_date=renewal_date.isoformat(),
    )
    return said.aggregate(first=Min("occurred_at"))["first"]


def note_kept(
    *,
    contract: Contract,
    renewal_date: date,
    reminders: QuerySet[RenewalReminder],
    contact_id: int | None,
    at: datetime,
    actor=None,
) -> None:
    """Note it on the timeline, and on the reminders that it answers. The caller has locked the
    contract and asked `kept_since`."""
    reminders.update(kept_at=at)
    record_event(
        account_id=contract.account_id,
        contract_id=contract.pk,
        kind=TimelineKind.CONTRACT_KEPT,
        actor=actor,
        at=at,
        renewal_date=renewal_date.isoformat(),
        contact_id=contact_id,
    )
