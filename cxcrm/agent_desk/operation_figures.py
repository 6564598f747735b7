"""What those who operate cxcrm want to know; the page and Prometheus tell the same.

However much there is, each figure reads a bounded stretch of an index.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count as CountOf
from django.db.models import Min, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.enums import ImportState
from accounts.models import Contract, ImportRun
from cxcrm.agent_desk.selectors import Count, bounded
from cxcrm.base.enums import JobState, ProcessKind
from cxcrm.base.health import broker_is_reachable
from cxcrm.base.models import Job
from cxcrm.base.processes import SeenProcess, processes_seen
from cxcrm.outbox.enums import BounceKind, MailReason, MailState
from cxcrm.outbox.models import MailBounce
from cxcrm.outbox.selectors import (
    QueuedMails,
    Sending,
    StoppedMails,
    count_accepted,
    delivery_state,
    queued_mails,
    stopped_mails,
)
from cxcrm.outbox.services import mail_kinds

# From there on figures of mails say "so many or more".
LIMIT = 100_000
# A mail or an import that waits for longer although it may go. Sweeps come every 30 seconds.
LATE_AFTER = timedelta(minutes=5)
MINUTES_OF_RATES = (5, 60, 24 * 60)
RECENTLY = timedelta(hours=24)
LATELY = timedelta(days=7)


@dataclass(frozen=True)
class KindQueue:
    """The mails of one kind that are on their way."""

    kind: str
    label: str | Promise
    due: int
    later: int
    oldest_due_at: datetime | None
    is_late: bool


@dataclass(frozen=True)
class Waiting:
    """Why mails wait that may not go yet, or not again yet."""

    reason: str
    label: str | Promise
    count: int


@dataclass(frozen=True)
class Rate:
    minutes: int
    accepted: Count

    @property
    def per_minute(self) -> float:
        return self.accepted.number / self.minutes


@dataclass(frozen=True)
class Stopped:
    state: MailState
    reason: str
    label: str | Promise
    recent: int
    count: Count


@dataclass(frozen=True)
class CameBack:
    kind: BounceKind
    recent: int
    count: int


@dataclass(frozen=True)
class Backlog:
    """Things that wait for a worker, and since when the first of them does."""

    count: Count
    since: datetime | date | None


@dataclass(frozen=True)
class Operations:
    at: datetime
    broker_answers: bool
    sending: Sending
    queued: list[QueuedMails]
    queues: list[KindQueue]
    waiting: list[Waiting]
    rates: list[Rate]
    stopped: list[Stopped]
    came_back: list[CameBack]
    reminders: Backlog
    imports: Backlog
    jobs: Backlog
    processes: list[SeenProcess]

    @property
    def on_their_way(self) -> Count:
        return Count(sum(mails.count for mails in self.queued), LIMIT)

    def living(self, kind: ProcessKind) -> int:
        return sum(seen.kind == kind and not seen.is_silent for seen in self.processes)

    @property
    def problems(self) -> list[str | Promise]:
        """What somebody should look at now, the causes before what comes of them."""
        return [problem for problem, holds in self._checks() if holds]

    def _checks(self) -> Iterator[tuple[str | Promise, bool]]:
        yield _("No mail leaves: sending is on hold."), self.sending.is_held
        yield (
            _("No worker gives a sign of life: nothing is sent and no import runs."),
            not self.living(ProcessKind.WORKER),
        )
        yield (
            _("No beat gives a sign of life: nothing that falls due is found."),
            not self.living(ProcessKind.BEAT),
        )
        yield (
            _("The broker does not answer: workers hear of nothing until it does."),
            not self.broker_answers,
        )
        late = any(queue.is_late for queue in self.queues) and not self.sending.is_held
        moves = self.rates[0].accepted.number > 0
        yield _("Mails are late, and none was accepted in the last minutes."), late and not moves
        yield _("Mails are late, but they are being worked off."), late and moves
        yield (
            _("Reminders of past days are not decided yet."),
            self.reminders.count.number > 0,
        )
        yield _("An import waits or runs for long."), self._is_late(self.imports)
        yield _("A bulk action waits or runs for long."), self._is_late(self.jobs)

    def _is_late(self, backlog: Backlog) -> bool:
        return isinstance(backlog.since, datetime) and backlog.since < self.at - LATE_AFTER


def operations(*, at: datetime) -> Operations:
    """All of it as of now; takes about a second longer where the broker is away."""
    queued = queued_mails(at=at, limit=LIMIT + 1)
    return Operations(
        at=at,
        broker_answers=broker_is_reachable(),
        sending=delivery_state(),
        queued=queued,
        queues=list(_queues(queued, at)),
        waiting=list(_waiting(queued)),
        rates=_rates(at),
        stopped=[_stopped(mails) for mails in _stopped_mails(at)],
        came_back=_came_back(at),
        # The day has begun in every zone.
        reminders=_backlog(Contract.objects.filter(remind_on__lt=at.date()), "remind_on"),
        imports=_backlog(ImportRun.objects.filter(state__in=ImportState.UNDER_WAY), "started_at"),
        jobs=_backlog(Job.objects.filter(state=JobState.WAITING), "started_at"),
        processes=processes_seen(at=at),
    )


def _queues(queued: list[QueuedMails], at: datetime) -> Iterator[KindQueue]:
    """One for each kind there is, also where nothing waits: a metric must not vanish."""
    labels = {kind.name: kind.label for kind in mail_kinds()}
    for name in sorted(labels | {mails.kind: mails.kind for mails in queued}):
        of_kind = [mails for mails in queued if mails.kind == name]
        due = sum(mails.due for mails in of_kind)
        oldest = min((mails.oldest_due_at for mails in of_kind if mails.due), default=None)
        yield KindQueue(
            kind=name,
            label=labels.get(name, name),
            due=due,
            later=sum(mails.count for mails in of_kind) - due,
            oldest_due_at=oldest,
            is_late=oldest is not None and oldest < at - LATE_AFTER,
        )


def _waiting(queued: list[QueuedMails]) -> Iterator[Waiting]:
    for reason in MailReason.WAITING:
        count = sum(mails.count - mails.due for mails in queued if mails.reason == reason)
        if count:
            yield Waiting(reason, MailReason(reason).label, count)


def _rates(at: datetime) -> list[Rate]:
    counts = count_accepted(
        since=[at - timedelta(minutes=minutes) for minutes in MINUTES_OF_RATES],
        limit=LIMIT + 1,
    )
    return [
        Rate(minutes, Count(count, LIMIT))
        for minutes, count in zip(MINUTES_OF_RATES, counts, strict=True)
    ]


def _stopped_mails(at: datetime) -> list[StoppedMails]:
    return stopped_mails(
        kinds=[kind.name for kind in mail_kinds()],
        recently=at - RECENTLY,
        since=at - LATELY,
        limit=LIMIT + 1,
    )


def _stopped(mails: StoppedMails) -> Stopped:
    return Stopped(
        state=MailState(mails.state),
        reason=mails.reason,
        label=MailReason(mails.reason).label if mails.reason else _("No reason kept"),
        recent=mails.recent,
        count=Count(mails.count, LIMIT),
    )


def _came_back(at: datetime) -> list[CameBack]:
    counts = MailBounce.objects.filter(occurred_at__gt=at - LATELY).aggregate(
        **{kind: CountOf("id", filter=Q(kind=kind)) for kind in BounceKind.values},
        **{
            f"recent_{kind}": CountOf("id", filter=Q(kind=kind, occurred_at__gt=at - RECENTLY))
            for kind in BounceKind.values
        },
    )
    return [CameBack(kind, counts[f"recent_{kind}"], counts[kind]) for kind in BounceKind]


def _backlog(rows: QuerySet, since: str) -> Backlog:
    count = bounded(rows)
    return Backlog(count, rows.aggregate(since=Min(since))["since"] if count.number else None)
