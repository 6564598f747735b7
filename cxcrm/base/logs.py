"""How log lines look: JSON for machines, colour for people, in neither an address or a link."""

import re
import sys
import traceback

import structlog
from structlog.typing import Processor

_ADDRESS = re.compile(r"[\w.%+-]+@[\w.-]*\w")
# What `cxcrm.base.links` seals, also where it was cut.
_LINK = re.compile(r"\b[0-9]+(?:-[a-z_]+)?\.(?![0-9]+\b)[A-Za-z0-9_-]{12,}")


def configure_logs(level: str, *, for_people: bool) -> dict:
    """Configure structlog and return the LOGGING setting that sends every logger through it."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    rendering: list[Processor] = (
        [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
        if for_people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *rendering,
                    hide_secrets,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level},
            # It would tell again what `request_finished` and `request_failed` tell.
            "django.request": {"level": "CRITICAL"},
            "gunicorn.error": {"handlers": ["stderr"], "level": level, "propagate": False},
            "axes": {"level": "WARNING"},
            # Sweeps come all day long; what they did, tasks say themselves.
            "django_structlog.celery.receivers": {"level": "WARNING"},
            "celery.app.trace": {"level": "ERROR"},
            "celery.worker.strategy": {"level": "WARNING"},
        },
    }


def fault_facts(error: BaseException) -> dict[str, object]:
    """What a log line may say of an error: its type and the lines of code that it came through.
    Its message may quote what stands in a row or in a file."""
    return {"error": type(error).__name__, "trace": traceback.format_tb(error.__traceback__)}


def hide_secrets(logger: object, name: str, line: str) -> str:
    """The last processor: messages and tracebacks of libraries quote what people typed, and the
    addresses of pages, which may be keys."""
    return _LINK.sub("<link>", _ADDRESS.sub("<address>", line))
