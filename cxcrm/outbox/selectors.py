"""What other apps and the desk may know of sending as a whole."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min

from cxcrm.outbox.enums import HoldReason, MailState
from cxcrm.outbox.models import DeliveryState, OutgoingMail
from cxcrm.outbox.sql.figures import (
    QueuedMails,
    StoppedMails,
    count_accepted,
    queued_mails,
    stopped_mails,
)
from cxcrm.outbox.sql.gate import next_place, sendable_from, stopped_for

# With fragments of SQL for the planners of the apps above.
__all__ = [
    "QueuedMails",
    "Sending",
    "StoppedMails",
    "WaitingKind",
    "count_accepted",
    "delivery_state",
    "next_place",
    "queued_mails",
    "sendable_from",
    "stopped_for",
    "stopped_mails",
    "waiting_mails",
]


@dataclass(frozen=True)
class Sending:
    """Whether mails leave this database, and if not, since when and why."""

    held_since: datetime | None
    hold_reason: str
    is_held_by_setting: bool
    changed_at: datetime | None
    changed_by: str

    @property
    def why(self) -> str:
        """The reason in words."""
        reason = self.hold_reason or HoldReason.SETTING
        return str(HoldReason(reason).label) if self.is_held else ""

    @property
    def is_held(self) -> bool:
        return self.held_since is not None or self.is_held_by_setting


@dataclass(frozen=True)
class WaitingKind:
    kind: str
    mails: int
    planned_first: datetime


def delivery_state() -> Sending:
    """One row by its key. Before the first mail there is none, and nothing is held."""
    state = DeliveryState.objects.select_related("changed_by").filter(pk=1).first()
    return Sending(
        held_since=state.held_since if state else None,
        hold_reason=state.hold_reason if state else "",
        is_held_by_setting=settings.CXCRM_HOLD_MAILS,
        changed_at=state.changed_at if state else None,
        changed_by=str(state.changed_by) if state and state.changed_by else "",
    )


def waiting_mails() -> list[WaitingKind]:
    """What is still to be sent, by kind; reads the mails on their way and no others."""
    waiting = (
        OutgoingMail.objects.filter(state__in=MailState.LIVING)
        .values("kind")
        .annotate(mails=Count("pk"), planned_first=Min("planned_at"))
        .order_by("kind")
    )
    return [WaitingKind(**row) for row in waiting]
