"""The Celery application: a wake-up bell for work that stands in the database."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxcrm.settings")

app = Celery("cxcrm")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
