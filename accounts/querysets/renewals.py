from typing import Self

from django.db.models import QuerySet

from accounts.enums import ReminderState


class RenewalReminderQuerySet(QuerySet):
    def search(self, text: str) -> Self:
        """Reminders of the contract or of the account of this number."""
        rows = self.order_by()
        by_contract = rows.filter(contract__external_id=text).values("pk")
        by_account = rows.filter(contract__account__external_id=text).values("pk")
        return self.filter(pk__in=by_contract.union(by_account, all=True))

    def held(self) -> Self:
        return self.filter(state=ReminderState.HELD)
