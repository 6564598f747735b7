"""The start page's figures: each reads a short stretch of an index, however much there is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts.enums import ContractState, ReminderState
from accounts.models import Contract, RenewalReminder, Task
from cxcrm.outbox.enums import MailState
from cxcrm.outbox.models import OutgoingMail
from cxcrm.users.models import User

COUNT_LIMIT = 10_000
TASKS_LISTED = 20
RENEWAL_DAYS = 45
SENT_DAYS = 7


@dataclass(frozen=True)
class Count:
    """Exact up to `limit`, "that many or more" from there on."""

    number: int
    limit: int = COUNT_LIMIT

    @property
    def is_more(self) -> bool:
        return self.number > self.limit

    @property
    def shown(self) -> int:
        return min(self.number, self.limit)


@dataclass(frozen=True)
class MailFigures:
    waiting: Count
    failed: Count
    oldest_due_at: datetime | None


@dataclass(frozen=True)
class RenewalFigures:
    renewing: Count
    reminded: Count
    held: Count


def open_tasks_of(user: User) -> list[Task]:
    """The overdue first; at most `TASKS_LISTED`."""
    tasks = Task.objects.open().filter(assignee=user).select_related("account")
    return list(tasks.order_by("due_on", "id")[:TASKS_LISTED])


def count_unassigned_tasks() -> Count:
    return bounded(Task.objects.open().filter(assignee=None))


def renewal_figures(at: datetime) -> RenewalFigures:
    today = at.date()
    return RenewalFigures(
        renewing=bounded(
            Contract.objects.filter(
                state=ContractState.RUNNING,
                renewal_date__range=(today, today + timedelta(RENEWAL_DAYS)),
            )
        ),
        reminded=bounded(
            RenewalReminder.objects.filter(
                state=ReminderState.PLANNED,
                decided_on__gt=today - timedelta(SENT_DAYS),
            )
        ),
        held=bounded(RenewalReminder.objects.held(today)),
    )


def mail_figures() -> MailFigures:
    living = OutgoingMail.objects.filter(state__in=MailState.LIVING)
    return MailFigures(
        waiting=bounded(living),
        failed=bounded(OutgoingMail.objects.filter(state=MailState.FAILED)),
        oldest_due_at=living.order_by("due_at", "id").values_list("due_at", flat=True).first(),
    )


def bounded(rows: QuerySet) -> Count:
    """Reads no more rows than it takes to know."""
    return Count(rows.order_by()[: COUNT_LIMIT + 1].count())
