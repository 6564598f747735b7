"""What the tests of cancellations share."""

from datetime import date

import pytest
from django.db import transaction

from accounts.enums import CancellationKind
from accounts.models import Cancellation, Contract, Task, TimelineEvent
from accounts.services.cancellations import cancel_contract
from cxcrm.base.errors import DomainError
from tests.factories import NOW, AccountFactory, ContactFactory, ContractFactory

TODAY = date(2026, 6, 1)  # that of NOW


def receive(
    contract: Contract, kind: CancellationKind = CancellationKind.ORDINARY, **details
) -> Cancellation:
    details = {"received_at": NOW, "at": NOW} | details
    return cancel_contract(contract_id=contract.pk, kind=kind, **details)


def refused(error: type[DomainError], deed, *args, **details) -> DomainError:
    """The refusal, which has left nothing behind."""
    tables = (Cancellation, Contract, Task, TimelineEvent)
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    with pytest.raises(error) as caught, transaction.atomic():
        deed(*args, **details)
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before
    return caught.value


def events(contract: Contract) -> list[tuple[str, dict]]:
    rows = contract.timeline.exclude(kind="contract_added").order_by("id")
    return list(rows.values_list("kind", "facts"))


def consumer_contract(**terms) -> Contract:
    account = AccountFactory(customer_kind="consumer")
    ContactFactory(account=account)
    return ContractFactory(
        account=account, **{"starts_on": TODAY, "concluded_on": date(2026, 5, 20)} | terms
    )
