"""Merges staged rows into what is there, in one transaction, step by step."""

from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import Any

from accounts.enums import ImportKind
from accounts.models import ImportRun
from accounts.services.imports.fields import MAIL_CLASSES, fields_of
from accounts.services.imports.findings import report_contradictions, says_accounts
from accounts.services.lost_accounts import note_lost_accounts
from accounts.sql import (
    import_addresses,
    import_cancellations,
    import_contracts,
    import_merging,
    import_reminders,
)
from accounts.sql.contract_dates import refresh_contract_dates_of
from cxcrm.outbox.enums import LegalBasis, MailClass
from cxcrm.outbox.services import PermissionGrant, grant_permissions, remember_addresses

BATCH = 10_000

Step = Callable[[], None]


class Merge:
    """One method per step; `counts` tells what they have written.

    `fields`: what the feed says. Everything happens in the caller's transaction.
    """

    def __init__(self, run: ImportRun, kind: ImportKind, fields: Collection[str]) -> None:
        self.run = run
        self.kind = kind
        self.fields = frozenset(fields) | {
            field.name for field in fields_of(kind).values() if field.always_written
        }
        self.at = run.started_at
        self.counts: dict[str, Any] = {}
        self._by: dict[str, Any] = {"actor_id": run.started_by_id, "at": run.started_at}

    def steps(self) -> list[Step]:
        steps = {
            ImportKind.ACCOUNTS: [
                self.addresses,
                self.accounts,
                self.contacts,
                self.permissions,
                self.dates,
                self.reminders,
            ],
            ImportKind.CONTACTS: [self.addresses, self.contacts, self.permissions],
            ImportKind.PRODUCTS: [self.products, self.dates, self.reminders],
            ImportKind.CONTRACTS: self._contract_steps(),
            ImportKind.CANCELLATIONS: [
                self.ends,
                self.cancellations,
                self.dates,
                self.lost_accounts,
            ],
        }[self.kind]
        return [*steps, self.contradictions]

    def _contract_steps(self) -> list[Step]:
        steps = [self.addresses, self.products]
        if says_accounts(self.kind, self.fields):
            steps.append(self.accounts)
        steps += [self.contacts, self.contracts]
        if "cancelled_on" in self.fields:
            steps.append(self.cancellations)
        return [*steps, self.permissions, self.dates, self.reminders, self.lost_accounts]

    def begin(self) -> None:
        import_merging.check_keys_at_once()
        import_merging.create_moved()
        import_merging.ignore_history(ignored=True)

    def finish(self) -> None:
        import_merging.ignore_history(ignored=False)

    def addresses(self) -> None:
        for addresses in import_addresses.new_addresses(batch=BATCH):
            remember_addresses(addresses=addresses)

    def products(self) -> None:
        counts = import_merging.merge_products(
            fields=self.fields, with_offer=self.kind == ImportKind.PRODUCTS
        )
        self.counts["products"] = asdict(counts)

    def accounts(self) -> None:
        counts = import_merging.merge_accounts(fields=self.fields, run_id=self.run.pk, **self._by)
        self.counts["accounts"] = asdict(counts)

    def contacts(self) -> None:
        self.counts["contacts"] = asdict(import_merging.merge_contacts(fields=self.fields))

    def contracts(self) -> None:
        as_of = self.run.as_of
        counts = import_contracts.merge_contracts(
            fields=self.fields, run_id=self.run.pk, as_of=as_of, **self._by
        )
        self.counts["contracts"] = asdict(counts)
        import_contracts.note_prices(as_of=as_of, **self._by)
        if "promotion_ends_on" in self.fields:
            import_contracts.plan_promotion_ends(as_of=as_of, **self._by)
        self.counts["fractional_prices"] = import_contracts.count_fractional_prices()
        self._note_ends()

    def ends(self) -> None:
        changed = import_contracts.merge_ends(as_of=self.run.as_of, at=self.at)
        self.counts["contracts"] = {"added": 0, "changed": changed, "unchanged": 0}
        self._note_ends()

    def _note_ends(self) -> None:
        import_contracts.note_ends(run_id=self.run.pk, **self._by)
        import_cancellations.follow_ends(at=self.at)

    def cancellations(self) -> None:
        counts = import_cancellations.merge_cancellations(
            fields=self.fields, by_account=self.kind == ImportKind.CANCELLATIONS, **self._by
        )
        self.counts["cancellations"] = asdict(counts)

    def permissions(self) -> None:
        new, changed, unchanged = import_addresses.gather_permissions(mail_classes=MAIL_CLASSES)
        self.counts["permissions"] = {"added": new, "changed": changed, "unchanged": unchanged}
        for permissions in import_addresses.differing_permissions(batch=BATCH):
            grant_permissions(
                grants=[
                    PermissionGrant(
                        address_id=permission.address_id,
                        mail_class=MailClass(permission.mail_class),
                        basis=LegalBasis(permission.basis),
                        source=permission.source,
                        granted_at=permission.since,
                    )
                    for permission in permissions
                ],
                at=self.at,
            )

    def dates(self) -> None:
        import_reminders.touch_contracts_of_moved()
        refresh_contract_dates_of(table="import_touched", as_of=self.run.as_of, at=self.at)

    def reminders(self) -> None:
        import_reminders.create_decided()
        counts = {}
        if self.kind == ImportKind.CONTRACTS:
            counts["done_before"] = import_reminders.note_earlier_reminders(at=self.at)
        held = import_reminders.hold_late_reminders(as_of=self.run.as_of, at=self.at)
        if counts or held:
            self.counts["reminders"] = counts | {"held": held}
        refresh_contract_dates_of(table="import_decided", as_of=self.run.as_of, at=self.at)

    def lost_accounts(self) -> None:
        for account_ids in import_contracts.touched_accounts(batch=BATCH):
            note_lost_accounts(account_ids=account_ids, at=self.at)

    def contradictions(self) -> None:
        report_contradictions(self.kind, self.fields)
