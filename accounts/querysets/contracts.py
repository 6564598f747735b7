from datetime import date
from decimal import Decimal
from typing import Self

from django.db.models import F, Q, QuerySet, Sum

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

    def counted(self, on: date) -> Self:
        """The contracts whose money counts on a day: started and not past their end."""
        return self.filter(
            Q(ends_on__isnull=True) | Q(ends_on__gte=on),
            starts_on__lte=on,
            state__in=[ContractState.ORDERED, ContractState.RUNNING, ContractState.ENDED],
        )

    def under_notice(self) -> Self:
        return self.filter(ends_on__isnull=False)

    def rolling(self) -> Self:
        """Terms too short to be reminded of: they renew all the time."""
        return self.filter(term_months__lt=SHORTEST_FIXED_TERM_MONTHS)

    def fixed(self) -> Self:
        return self.filter(term_months__gte=SHORTEST_FIXED_TERM_MONTHS)

    def arr(self) -> dict[str, Decimal]:
        """Yearly recurring revenue per currency, net, 4 decimals; MRR is a twelfth of it."""
        sums = self.order_by("currency").values("currency").annotate(arr=Sum(F("yearly_value")))
        return {row["currency"]: row["arr"] for row in sums}
