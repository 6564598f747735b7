from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection

from accounts.enums import ContractState, ImportState, TimelineKind
from accounts.models import Account, Contact, Contract, ImportRun, Product, TimelineEvent
from accounts.sql import import_staging
from cxcrm.outbox.models import MailAddress, MailPermission, OutgoingMail
from tests.accounts.imports.feeds import AS_OF, AT, issues, row
from tests.factories import AccountFactory, BrandFactory, ContactFactory, UserFactory

pytestmark = pytest.mark.django_db

TABLES = [
    "accounts_product",
    "accounts_account",
    "accounts_contact",
    "accounts_contract",
    "accounts_renewalreminder",
    "accounts_timelineevent",
    "accounts_cancellation",
    "accounts_pricechange",
    "outbox_mailaddress",
    "outbox_mailpermission",
]


def row_versions() -> dict[str, list]:
    """Where each row lies and which transaction wrote it."""
    with connection.cursor() as cursor:
        versions = {}
        for table in TABLES:
            rows = f"SELECT id, ctid::text, xmin::text FROM {table} ORDER BY id"  # noqa: S608 - ours
            cursor.execute(rows)
            versions[table] = cursor.fetchall()
        return versions


def test_import_writes_every_field_of_a_row(take_in_rows, brand):
    run = take_in_rows(row())

    account = Account.objects.get()
    assert (account.brand, account.external_id, account.name) == (brand, "K1", "Bäckerei Brot GmbH")
    assert (account.customer_kind, account.segment) == ("business", "small")
    assert (account.country, account.region) == ("DE", "BW")
    assert (account.language, account.time_zone) == ("de", "Europe/Berlin")
    assert account.created_at == AT

    contact = Contact.objects.get()
    assert (contact.account, contact.external_id) == (account, "P1")
    assert (contact.name, contact.role) == ("Berta Brot", "billing")
    assert (contact.address.address, contact.phone) == ("berta@brot.example", "+49721123456")
    assert contact.language == "en"

    product = Product.objects.get()
    assert (product.brand, product.code, product.name) == (brand, "web-s", "Web S")
    assert product.family == "hosting"

    contract = Contract.objects.get()
    assert (contract.brand, contract.account, contract.product) == (brand, account, product)
    assert (contract.external_id, contract.state) == ("V1", ContractState.RUNNING)
    assert (contract.concluded_on, contract.starts_on) == (date(2025, 12, 20), date(2026, 1, 15))
    assert (contract.first_term_months, contract.after_term) == (12, "renews")
    assert (contract.renewal_term_months, contract.ends_on) == (12, None)
    assert (contract.notice_months, contract.notice_days) == (1, 0)
    assert (contract.price, contract.renewal_price) == (Decimal("9.90"), Decimal("12.50"))
    assert (contract.tax_rate, contract.currency) == (Decimal(19), "EUR")
    assert contract.billing_period_months == 1
    assert (contract.renewal_date, contract.term_months) == (date(2027, 1, 15), 12)
    assert contract.remind_on == date(2026, 12, 1)

    permission = MailPermission.objects.get()
    assert (permission.address, permission.mail_class) == (contact.address, "newsletter")
    assert (permission.basis, permission.source) == ("consent", "order form")
    assert permission.granted_at == datetime(2025, 12, 19, 23, tzinfo=UTC)

    assert (run.state, run.rows_read, run.rows_refused) == (ImportState.DONE, 1, 0)
    added = {"added": 1, "changed": 0, "unchanged": 0}
    assert run.counts == {
        "products": added,
        "accounts": added,
        "contacts": added,
        "contracts": added,
        "permissions": added,
        "fractional_prices": 1,
        "reminders": {"done_before": 0, "held": 0},
    }


def test_import_notes_what_is_new_on_the_timeline_and_mails_nobody(take_in_rows):
    agent = UserFactory(role="agent")

    run = take_in_rows(row(), started_by=agent)

    events = TimelineEvent.objects.order_by("id")
    contract = Contract.objects.get()
    assert [(event.kind, event.contract, event.actor, event.facts) for event in events] == [
        (TimelineKind.ACCOUNT_ADDED, None, agent, {"import": run.pk}),
        (TimelineKind.CONTRACT_ADDED, contract, agent, {"import": run.pk}),
    ]
    assert {event.occurred_at for event in events} == {AT}
    assert OutgoingMail.objects.count() == 0


def test_import_of_the_same_file_again_writes_not_one_row_version(take_in_rows):
    rows = [
        row(),
        row(contract_number="V2", reminded_on="2026-05-01", starts_on="2025-06-20"),
        row(
            account_number="K2",
            contact_number="",
            contract_number="V3",
            starts_on="2025-07-01",
            newsletter_source="fair",
            newsletter_since="2026-01-01T12:00:00+01:00",
        ),
        row(account_number="K3", contact_number="", contact_address="", contract_number="V4")
        | dict.fromkeys(("newsletter_basis", "newsletter_source", "newsletter_since"), ""),
    ]
    first = take_in_rows(*rows)
    before = row_versions()

    second = take_in_rows(*rows)

    assert row_versions() == before
    assert first.rows_refused == 0
    assert second.counts == {
        "products": {"added": 0, "changed": 0, "unchanged": 1},
        "accounts": {"added": 0, "changed": 0, "unchanged": 3},
        "contacts": {"added": 0, "changed": 0, "unchanged": 3},
        "contracts": {"added": 0, "changed": 0, "unchanged": 4},
        "permissions": {"added": 0, "changed": 0, "unchanged": 1},
        "fractional_prices": 4,
        "reminders": {"done_before": 0, "held": 0},
    }


def test_import_changes_only_what_differs(take_in_rows):
    take_in_rows(row(), row(account_number="K2", contact_number="P2", contract_number="V2"))
    before = row_versions()

    run = take_in_rows(
        row(account_name="Brot & Söhne", price="11.00", contact_phone=""),
        row(account_number="K2", contact_number="P2", contract_number="V2"),
    )

    assert Account.objects.get(external_id="K1").name == "Brot & Söhne"
    assert Contract.objects.get(external_id="V1").price == Decimal("11.00")
    assert Contact.objects.get(external_id="P1").phone == ""
    changed_one = {"added": 0, "changed": 1, "unchanged": 1}
    assert [run.counts[kind] for kind in ("accounts", "contacts", "contracts")] == [changed_one] * 3
    after = row_versions()
    rewritten = {
        table: len(set(after[table]) - set(versions)) for table, versions in before.items()
    }
    assert rewritten == dict.fromkeys(TABLES, 0) | {
        "accounts_account": 1,
        "accounts_contact": 1,
        "accounts_contract": 1,
        "accounts_pricechange": 1,
    }


def test_import_writes_no_history(take_in_rows):
    take_in_rows(row())
    take_in_rows(row(account_name="Neu", product_name="Neu", contact_name="Neu", price="1.00"))

    for model in (Account, Contact, Product, Contract):
        assert model.pgh_event_model.objects.count() == 0

    Account.objects.update(name="By hand")
    assert Account.pgh_event_model.objects.count() == 1


def test_import_leaves_alone_what_the_feed_does_not_say(take_in_rows):
    take_in_rows(row(ends_on="2027-01-14"))
    silent = {
        name: value
        for name, value in row(price="11.00").items()
        if name
        not in ("segment", "region", "contact_phone", "notice_months", "ends_on", "renewal_price")
    }

    take_in_rows(silent)

    account, contact, contract = (
        Account.objects.get(),
        Contact.objects.get(),
        Contract.objects.get(),
    )
    assert (account.segment, account.region, contact.phone) == ("small", "BW", "+49721123456")
    assert (contract.price, contract.renewal_price) == (Decimal("11.00"), Decimal("12.50"))
    assert (contract.notice_months, contract.ends_on) == (1, date(2027, 1, 14))


def test_import_takes_defaults_for_what_is_empty(take_in_rows):
    names = ("segment", "region", "product_name", "product_family", "concluded_on", "tax_rate")

    take_in_rows(row(**dict.fromkeys(names, ""), contact_role=""))

    account, product, contract = (
        Account.objects.get(),
        Product.objects.get(),
        Contract.objects.get(),
    )
    assert (account.segment, account.region) == ("", "")
    assert (product.name, product.family) == ("web-s", "other")
    assert (contract.concluded_on, contract.tax_rate) == (contract.starts_on, 0)
    assert Contact.objects.get().role == "decision_maker"


def test_import_derives_the_state_from_start_and_end(take_in_rows):
    take_in_rows(
        row(contract_number="future", starts_on="2026-06-02"),
        row(contract_number="today", starts_on="2026-06-01"),
        row(contract_number="over", ends_on="2026-05-31"),
        row(contract_number="last day", ends_on="2026-06-01"),
    )

    states = dict(Contract.objects.values_list("external_id", "state"))
    assert states == {
        "future": ContractState.ORDERED,
        "today": ContractState.RUNNING,
        "over": ContractState.ENDED,
        "last day": ContractState.RUNNING,
    }


def test_import_does_not_turn_back_a_state_that_the_clock_has_moved_on(take_in_rows):
    take_in_rows(row(starts_on="2026-06-10"))
    Contract.objects.update(state=ContractState.RUNNING)

    run = take_in_rows(row(starts_on="2026-06-10", price="11.00"))

    assert run.counts["contracts"]["changed"] == 1
    assert Contract.objects.get().state == ContractState.RUNNING


def test_import_lets_a_contract_run_again_whose_end_the_feed_takes_back(take_in_rows):
    take_in_rows(row(ends_on="2026-05-31"))
    take_in_rows(row(ends_on=""))

    contract = Contract.objects.get()
    assert (contract.state, contract.ends_on) == (ContractState.RUNNING, None)
    assert contract.renewal_date == date(2027, 1, 15)


def test_import_takes_two_contracts_of_one_account(take_in_rows):
    run = take_in_rows(row(), row(contract_number="V2", product_code="mail", product_name="Mail"))

    assert issues(run) == []
    assert Account.objects.get().contracts.count() == 2
    assert Contact.objects.count() == 1


def test_import_knows_contacts_by_number_else_by_address_else_by_name(take_in_rows, brand):
    account = AccountFactory(brand=brand, external_id="K1")
    by_hand = ContactFactory(account=account, name="By hand", address="hand@brot.example")
    nameless = {"contact_number": "", "newsletter_basis": "", "newsletter_source": ""}
    nameless["newsletter_since"] = ""
    rows = [
        row(contract_number="V1", contact_address="new@brot.example"),
        row(contract_number="V2", contact_address="hand@brot.example", **nameless),
        row(contract_number="V3", contact_name="Only a name", contact_address="", **nameless),
    ]
    take_in_rows(row(contact_address="old@brot.example"))

    take_in_rows(*rows)
    take_in_rows(*rows)

    contacts = Contact.objects.order_by("id").values_list("id", "name", "address__address")
    assert [contact[1:] for contact in contacts] == [
        ("Berta Brot", "hand@brot.example"),
        ("Berta Brot", "new@brot.example"),
        ("Only a name", None),
    ]
    assert contacts[0][0] == by_hand.pk


def test_import_does_not_undo_an_objection(take_in_rows):
    take_in_rows(row())
    MailPermission.objects.update(objected_at=AT)

    take_in_rows(row(newsletter_since="2026-05-01"))

    assert MailPermission.objects.get().objected_at == AT


def test_import_keeps_brands_apart(take_in_rows, brand):
    other = BrandFactory(code="other")
    rows = [row(brand="web"), row(brand="other")]

    take_in_rows(*rows, brand=None)

    found = Contract.objects.order_by("id").values_list("brand__code", "account__brand__code")
    assert list(found) == [("web", "web"), ("other", "other")]
    assert {product.brand for product in Product.objects.all()} == {brand, other}


def test_import_dry_run_counts_everything_and_keeps_only_the_run(take_in_rows):
    run = take_in_rows(row(), row(contract_number="V2", price="?"), dry_run=True)

    run.refresh_from_db()
    assert (run.state, run.rows_read, run.rows_refused) == (ImportState.DRY_RUN, 2, 1)
    assert run.counts["contracts"] == {"added": 1, "changed": 0, "unchanged": 0}
    assert issues(run) == [(3, "price", "“?” is no number like 1234.50")]
    for model in (Account, Contact, Product, Contract, TimelineEvent, MailAddress, MailPermission):
        assert model.objects.count() == 0


def test_import_leaves_no_staged_row_behind(take_in_rows):
    take_in_rows(row())

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()")
        assert cursor.fetchone() == (0,)
    assert import_staging.take_import_lock()
    import_staging.release_import_lock()


def test_import_notes_that_an_earlier_run_was_interrupted(take_in_rows):
    died = ImportRun.objects.create(
        file_name="x.csv", mapping="standard", as_of=AS_OF, state=ImportState.RUNNING, started_at=AT
    )

    take_in_rows(row())

    died.refresh_from_db()
    assert died.state == ImportState.REFUSED
    assert issues(died) == [(0, "", "interrupted: nothing of it was written")]
