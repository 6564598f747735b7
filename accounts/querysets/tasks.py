from datetime import date
from typing import Self

from django.db.models import QuerySet

from accounts.enums import TaskState

TITLES_FOUND = 1_000


class TaskQuerySet(QuerySet):
    def open(self) -> Self:
        return self.filter(state=TaskState.OPEN)

    def overdue(self, on: date) -> Self:
        return self.open().filter(due_on__lt=on)

    def search(self, text: str) -> Self:
        """Tasks of the account of this number, or open ones whose title holds the text, of the
        last at most `TITLES_FOUND`."""
        rows = self.order_by()
        by_account = rows.filter(account__external_id=text).values("pk")
        by_title = rows.open().filter(title__icontains=text).values("pk")[:TITLES_FOUND]
        return self.filter(pk__in=by_account.union(by_title, all=True))
