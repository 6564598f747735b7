"""What lies under the four apps (users, base, outbox, embedded) and over them (desk, demo)."""

from cxcrm.celery import app as celery_app

__all__ = ["celery_app"]
