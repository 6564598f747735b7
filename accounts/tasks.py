from celery import shared_task

from accounts.services.due_work import run_due_work
from cxcrm.base import clock


@shared_task(name="accounts.run_due_work")
def run_due_work_task(**unknown: object) -> None:
    run_due_work(at=clock.now())
