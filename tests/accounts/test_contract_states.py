"""The states of a contract: the database allows the moves of the table and no others."""

import re
from itertools import permutations

import pytest
from django.db import DatabaseError, transaction

from accounts.enums import CONTRACT_TRANSITIONS, ContractState
from accounts.models import Contract
from tests.factories import NOW, ContractFactory
from tests.servers import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "contracts.md"


@pytest.mark.django_db
@pytest.mark.parametrize(("before", "after"), list(permutations(ContractState.values, 2)))
def test_database_allows_exactly_the_moves_of_the_table(before, after):
    # A new row may be in any state: only moves are guarded.
    template = ContractFactory()
    contract = Contract(
        brand=template.brand,
        account=template.account,
        product=template.product,
        external_id="X",
        state=before,
        concluded_on=template.starts_on,
        starts_on=template.starts_on,
        first_term_months=12,
        after_term="renews",
        renewal_term_months=12,
        ends_on=NOW.date(),
        price=1,
        currency="EUR",
        billing_period_months=1,
    )
    contract.save()

    try:
        with transaction.atomic():
            Contract.objects.filter(pk=contract.pk).update(state=after)
        moved = True
    except DatabaseError:
        moved = False

    assert moved is ((before, after) in CONTRACT_TRANSITIONS)


def test_document_shows_the_same_table():
    text = DOCUMENT.read_text(encoding="utf-8")
    names = "|".join(ContractState.values)
    rows = re.findall(rf"^\| ({names}) \| ({names}) \| (.+?) \|$", text, re.MULTILINE)

    assert {(before, after): why for before, after, why in rows} == {
        (str(before), str(after)): why for (before, after), why in CONTRACT_TRANSITIONS.items()
    }
    assert len(rows) == len(CONTRACT_TRANSITIONS)
