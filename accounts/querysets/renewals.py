from datetime import date, timedelta
from typing import Self

from django.db.models import DateField, ExpressionWrapper, F, Q, QuerySet

from accounts.enums import ContractState, ReminderState
from accounts.rules.policies import LONGEST_AFTER_DAYS

_DAY_BEFORE_RENEWAL = ExpressionWrapper(
    F("renewal_date") - timedelta(days=1), output_field=DateField()
)


class RenewalReminderQuerySet(QuerySet):
    def search(self, text: str) -> Self:
        """Reminders of the contract or of the account of this number."""
        rows = self.order_by()
        by_contract = rows.filter(contract__external_id=text).values("pk")
        by_account = rows.filter(contract__account__external_id=text).values("pk")
        return self.filter(pk__in=by_contract.union(by_account, all=True))

    def held(self, on: date) -> Self:
        """Those about which somebody still has to decide: the renewal is to come as it was, or the
        contract has ended then and nobody may have been told. `reminder_held` bounds them."""
        is_to_come = Q(
            renewal_date__gt=on,
            contract__renewal_date=F("renewal_date"),
            contract__ends_on=None,
            contract__awaits_decision=False,
            contract__state__in=[ContractState.ORDERED, ContractState.RUNNING],
        )
        has_ended = Q(
            due_on__gt=F("renewal_date"),
            contract__state=ContractState.ENDED,
            contract__ends_on=_DAY_BEFORE_RENEWAL,
        )
        return self.filter(
            is_to_come | has_ended,
            state=ReminderState.HELD,
            renewal_date__gte=on - timedelta(days=LONGEST_AFTER_DAYS),
        )

    def late(self) -> Self:
        """Those that went after their day; the index `reminder_late` has them."""
        return self.filter(state=ReminderState.PLANNED, decided_on__gt=F("due_on"))

    def clashes(self) -> Self:
        """Those whose lawful window left less time to decide than their policy asks for."""
        return self.filter(is_clash=True)
