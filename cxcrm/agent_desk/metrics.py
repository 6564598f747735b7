"""The operators' figures in Prometheus' words."""

from collections.abc import Iterator
from datetime import UTC, datetime, time
from hmac import compare_digest

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cxcrm.agent_desk.operation_figures import Backlog, Operations, operations
from cxcrm.base import clock
from cxcrm.base.enums import ProcessKind

BEARER = "Bearer "


@login_not_required
@require_GET
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Gauges for whoever brings CXCRM_METRICS_TOKEN; without one there is no such page.

    Counts, ages and states, and nobody's data. Where the database is away it still says so.
    """
    if not settings.CXCRM_METRICS_TOKEN:
        raise Http404
    if not _knows_the_token(request):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    try:
        registry.register(_Gauges([_gauge("database_up", 1), *_gauges(operations(at=clock.now()))]))
    except Error:
        registry.register(_Gauges([_gauge("database_up", 0)]))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _knows_the_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    return compare_digest(given.encode(), f"{BEARER}{settings.CXCRM_METRICS_TOKEN}".encode())


class _Gauges(Collector):
    def __init__(self, gauges: list[Metric]) -> None:
        self.gauges = gauges

    def collect(self) -> list[Metric]:
        return self.gauges


HELP = {
    "database_up": "1 if the database answers.",
    "broker_up": "1 if the broker answers.",
    "mail_held": "1 while sending is on hold.",
    "mails": "Mails on their way.",
    "mails_due": "Mails that may be sent now.",
    "mail_oldest_due_age_seconds": "For how long the oldest of them has been due.",
    "mails_accepted": "Mails that the relay accepted within the window.",
    "mails_stopped": "Mails that were suppressed or failed within the window.",
    "mails_came_back": "Bounces and complaints within the window.",
    "reminders_undecided": "Contracts whose reminder of a past day is not decided.",
    "reminders_oldest_age_seconds": "Since when the oldest of them should have been.",
    "imports_waiting": "Imports that wait or run.",
    "imports_oldest_age_seconds": "For how long the oldest of them has.",
    "jobs_waiting": "Bulk actions that wait or run.",
    "jobs_oldest_age_seconds": "For how long the oldest of them has.",
    "processes": "Workers and beats that were seen in the last day.",
}


def _gauge(name: str, value: float) -> Metric:
    gauge = GaugeMetricFamily(f"cxcrm_{name}", HELP[name])
    gauge.add_metric([], value)
    return gauge


def _labelled(name: str, labels: tuple[str, ...], values: Iterator[tuple]) -> Metric:
    """`values`: one value per label, then the gauge's."""
    gauge = GaugeMetricFamily(f"cxcrm_{name}", HELP[name], labels=labels)
    for *row, value in values:
        gauge.add_metric(row, value)
    return gauge


def _gauges(figures: Operations) -> Iterator[Metric]:
    yield _gauge("broker_up", figures.broker_answers)
    yield _gauge("mail_held", figures.sending.is_held)
    yield _labelled(
        "mails",
        ("kind", "state", "reason"),
        ((mails.kind, mails.state, mails.reason, mails.count) for mails in figures.queued),
    )
    yield _labelled("mails_due", ("kind",), ((each.kind, each.due) for each in figures.queues))
    yield _labelled(
        "mail_oldest_due_age_seconds",
        ("kind",),
        ((each.kind, _age(each.oldest_due_at, figures.at)) for each in figures.queues),
    )
    yield _labelled(
        "mails_accepted",
        ("window",),
        ((f"{rate.minutes}m", rate.accepted.number) for rate in figures.rates),
    )
    yield _labelled("mails_stopped", ("state", "reason", "window"), _stopped(figures))
    yield _labelled("mails_came_back", ("kind", "window"), _came_back(figures))
    yield from _backlog("reminders_undecided", "reminders_oldest", figures.reminders, figures.at)
    yield from _backlog("imports_waiting", "imports_oldest", figures.imports, figures.at)
    yield from _backlog("jobs_waiting", "jobs_oldest", figures.jobs, figures.at)
    yield _labelled("processes", ("kind", "state"), _processes(figures))


def _stopped(figures: Operations) -> Iterator[tuple]:
    for mails in figures.stopped:
        yield mails.state, mails.reason, "1d", mails.recent
        yield mails.state, mails.reason, "7d", mails.count.number


def _came_back(figures: Operations) -> Iterator[tuple]:
    for bounces in figures.came_back:
        yield bounces.kind, "1d", bounces.recent
        yield bounces.kind, "7d", bounces.count


def _processes(figures: Operations) -> Iterator[tuple]:
    for kind in ProcessKind:
        living = figures.living(kind)
        yield kind, "alive", living
        yield kind, "silent", sum(seen.kind == kind for seen in figures.processes) - living


def _backlog(counted: str, aged: str, backlog: Backlog, at: datetime) -> Iterator[Metric]:
    since = backlog.since
    if since is not None and not isinstance(since, datetime):
        since = datetime.combine(since, time(), tzinfo=UTC)
    yield _gauge(counted, backlog.count.number)
    yield _gauge(f"{aged}_age_seconds", _age(since, at))


def _age(since: datetime | None, at: datetime) -> float:
    return max(0.0, (at - since).total_seconds()) if since else 0.0
