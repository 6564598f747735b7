import pghistory
import pytest

from accounts.models import Account
from accounts.selectors.changes import EMPTY, changes_of
from tests.factories import AccountFactory, UserFactory


@pytest.mark.django_db
def test_changes_name_who_changed_which_field_from_what_to_what():
    account = AccountFactory(name="Bakery", segment="")
    agent, manager = UserFactory(name="Ada"), UserFactory(name="Lena")

    with pghistory.context(user=agent.pk):
        for fields in (
            {"name": "Bakery & Sons"},
            {"segment": "large", "account_manager": manager},
        ):
            for name, value in fields.items():
                setattr(account, name, value)
            account.save()

    changes = [
        (change.by, change.field, change.before, change.after)
        for change in changes_of(Account.objects.get())
    ]
    assert changes == [
        (agent, "segment", EMPTY, "Large"),
        (agent, "account manager", EMPTY, "Lena"),
        (agent, "name", "Bakery", "Bakery & Sons"),
    ]


@pytest.mark.django_db
def test_changes_made_by_the_system_name_nobody():
    account = AccountFactory()
    account.name = "Other"
    account.save()

    assert [(change.by, change.after) for change in changes_of(account)] == [(None, "Other")]


@pytest.mark.django_db
def test_row_that_nobody_changed_has_no_changes():
    assert changes_of(AccountFactory()) == []
