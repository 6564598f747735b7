"""One row of everything that the API shows, of a brand that some keys must not know of."""

from dataclasses import dataclass
from typing import Any

from accounts.enums import ImportKind, ImportState, TaskPool
from accounts.models import Brand, ImportIssue, ImportRun
from accounts.services.renewals import plan_renewal_reminders
from accounts.services.tasks import open_task
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from tests.accounts.deciding import have_policy
from tests.factories import (
    NOW,
    AccountFactory,
    BrandFactory,
    ContactFactory,
    ContractFactory,
    ProductFactory,
    cancel,
)

# Stands in every text of the brand, so that no byte of it passes unseen.
MARK = "nordlicht"


@dataclass(frozen=True)
class World:
    brand: Brand
    ids: dict[str, int]
    email: str

    def path(self, template: str) -> str:
        return template.format(**self.ids)


def make_world(mark: str = MARK) -> World:
    have_policy()
    brand = BrandFactory(code=mark, name=mark)
    account = AccountFactory(brand=brand, external_id=mark, name=mark)
    product = ProductFactory(brand=brand, code=mark, name=mark)
    contact = ContactFactory(
        account=account, external_id=mark, name=mark, address=f"{mark}@customers.example"
    )
    contract, cancelled = (
        ContractFactory(account=account, product=product, external_id=number)
        for number in (mark, f"{mark}-2")
    )
    plan_renewal_reminders(at=instant_on(contract.remind_on))
    cancel(cancelled, cancelled.renewal_date)
    task = open_task(
        account_id=account.pk,
        contract_id=contract.pk,
        title=mark,
        due_on=NOW.date(),
        pool=TaskPool.SERVICE,
        at=NOW,
    )
    run = ImportRun.objects.create(
        kind=ImportKind.CONTRACTS,
        file_name=mark,
        file_sha256="0" * 64,
        mapping=mark,
        brand=brand,
        as_of=NOW.date(),
        state=ImportState.DONE,
        started_at=NOW,
    )
    ImportIssue.objects.create(run=run, line=2, field="price", reason=mark)
    mail = OutgoingMail.objects.filter(account_id=account.pk).earliest("pk")
    rows: dict[str, Any] = {
        "brand": brand,
        "account": account,
        "contact": contact,
        "product": product,
        "contract": contract,
        "cancelled": cancelled,
        "task": task,
        "reminder": contract.reminders.get(),
        "mail": mail,
        "event": account.timeline.earliest("pk"),
        "run": run,
    }
    return World(brand, {name: row.pk for name, row in rows.items()}, contact.address.address)
