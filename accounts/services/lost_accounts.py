from collections.abc import Collection
from datetime import datetime

from accounts.models import Account
from accounts.sql.lost_accounts import refresh_lost_accounts


def note_lost_accounts(*, account_ids: Collection[int], at: datetime) -> None:
    """See which accounts are lost or back, now that contracts of theirs have changed their state
    in this transaction. Waits for others who do so with contracts of the same accounts."""
    rows = Account.objects.select_for_update(no_key=True).filter(pk__in=account_ids)
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    refresh_lost_accounts(account_ids=ids, at=at)
