from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from cxcrm.base.deeds import Outcome, sorted_out
from cxcrm.base.errors import DomainError
from cxcrm.users.models import User


class NoSuchManager(DomainError):
    code = "no_such_manager"


def assign_accounts_many(
    *, ids: Sequence[int], account_manager_id: int | None, at: datetime, actor=None
) -> Outcome:
    """Give these accounts to a member of staff, or to nobody with None. Who had them before
    stays in their history; the timeline is about the customers.

    Refused: NoSuchManager (field `account_manager`).
    """
    away = (
        account_manager_id is not None
        and not User.objects.staff().filter(pk=account_manager_id).exists()
    )
    refusal = (
        NoSuchManager(_("This person does not work here any more."), field="account_manager")
        if away
        else None
    )
    with transaction.atomic():
        accounts = Account.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
        outcome = sorted_out(ids, dict.fromkeys(accounts.values_list("pk", flat=True), refusal))
        Account.objects.filter(pk__in=outcome.done).update(account_manager_id=account_manager_id)
    return outcome
