from typing import Self

from django.db.models import QuerySet


class CancellationQuerySet(QuerySet):
    def search(self, text: str) -> Self:
        """Cancellations of the contract or of the account of this number."""
        rows = self.order_by()
        by_contract = rows.filter(contract__external_id=text).values("pk")
        by_account = rows.filter(contract__account__external_id=text).values("pk")
        return self.filter(pk__in=by_contract.union(by_account, all=True))

    def standing(self) -> Self:
        return self.filter(taken_back_at__isnull=True)

    def to_decide(self) -> Self:
        """Those that wait for an agent to say the last day."""
        return self.standing().filter(effective_on__isnull=True)
