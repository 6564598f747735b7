"""The Celery application: a wake-up bell for work that stands in the database."""

import os

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init
from django_structlog.celery.steps import DjangoStructLogInitStep

from cxcrm.base.checks import refuse_unsafe_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxcrm.settings")

app = Celery("cxcrm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)
worker_init.connect(refuse_unsafe_start)
beat_init.connect(refuse_unsafe_start)


@setup_logging.connect
def keep_our_logs(**kwargs) -> None:
    """Celery sets up logging of its own unless somebody listens here."""
