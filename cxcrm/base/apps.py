from celery.signals import heartbeat_sent, worker_shutdown
from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BaseConfig(AppConfig):
    name = "cxcrm.base"
    label = "base"
    verbose_name = _("Work")

    def ready(self) -> None:
        from cxcrm.base import (
            checks,  # noqa: F401 - registers the system checks
            processes,
        )

        heartbeat_sent.connect(processes.worker_lives)
        worker_shutdown.connect(processes.worker_ends)
