from datetime import date

from accounts.models import Task
from accounts.querysets.tasks import TaskQuerySet


def open_tasks(*, due_by: date) -> TaskQuerySet:
    """Open tasks that are due on this day or were before."""
    return Task.objects.open().filter(due_on__lte=due_by)
