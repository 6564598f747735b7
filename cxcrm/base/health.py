"""What a load balancer or a supervisor asks. Anonymous, and without details of the inside."""

from functools import cache as remembered

import structlog
from celery import current_app
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from kombu.exceptions import OperationalError as BrokerError

logger = structlog.get_logger(__name__)


@login_not_required
@require_GET
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nobody else, so that a database that is away restarts nothing."""
    return JsonResponse({"status": "live"})


@login_not_required
@require_GET
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Whether requests may be sent here: 503 without a database that has our tables.

    The broker is only a bell: the sweeps do the work without it, so its absence is told but
    does not take the page away from people.
    """
    checks = {"database": database_is_ready(), "broker": broker_is_reachable()}
    return JsonResponse(
        {
            "status": "ready" if checks["database"] else "unavailable",
            "checks": {name: "ok" if fine else "failed" for name, fine in checks.items()},
        },
        status=200 if checks["database"] else 503,
    )


def database_is_ready() -> bool:
    """It answers, every migration of this release is applied, and the cache has its table."""
    try:
        missing = _newest_migrations() - set(MigrationRecorder(connection).applied_migrations())
        cache.get("health")
    except Error as error:
        logger.warning("database_not_ready", error=type(error).__name__)
        return False
    if missing:
        logger.warning("migrations_missing", missing=sorted(".".join(name) for name in missing))
    return not missing


@remembered
def _newest_migrations() -> set[tuple[str, str]]:
    return set(MigrationLoader(None).graph.leaf_nodes())


def broker_is_reachable() -> bool:
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except BrokerError as error:
        logger.warning("broker_not_reachable", error=type(error).__name__)
        return False
    return True
