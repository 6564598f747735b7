from typing import Self

from django.db.models import Q, QuerySet

from accounts.enums import ContractState

# A fixed term counts from three months on (`min_term_days` of the default policy: 90).
SHORTEST_FIXED_TERM_MONTHS = 3


class ContractQuerySet(QuerySet):
    def search(self, text: str) -> Self:
        """Contracts of this number, or of the account of this number."""
        rows = self.order_by()
        by_number = rows.filter(external_id=text).values("pk")
        by_account = rows.filter(account__external_id=text).values("pk")
        return self.filter(pk__in=by_number.union(by_account, all=True))

    def under_notice(self) -> Self:
        """Those that run to a last day, and those that are cancelled without one by now; the
        index `contract_under_notice` has them in this order: without a day first."""
        return self.filter(
            Q(ends_on__isnull=False) | Q(awaits_decision=True), state=ContractState.RUNNING
        )

    def rolling(self) -> Self:
        """Terms too short to be reminded of: they renew all the time."""
        return self.filter(term_months__lt=SHORTEST_FIXED_TERM_MONTHS)

    def fixed(self) -> Self:
        return self.filter(term_months__gte=SHORTEST_FIXED_TERM_MONTHS)
