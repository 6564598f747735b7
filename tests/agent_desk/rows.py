"""One more row of whatever the desk lists, made through the services where they make it."""

from datetime import UTC, date, datetime

from accounts.enums import ImportState, TaskPool
from accounts.models import ImportIssue, ImportRun, RenewalReminder
from accounts.services.renewals import plan_renewal_reminders
from accounts.services.tasks import open_task
from cxcrm.outbox.models import OutgoingMail
from tests.factories import (
    NOW,
    AccountFactory,
    BrandFactory,
    ContactFactory,
    ContractFactory,
    MailAddressFactory,
    ProductFactory,
    UserFactory,
)

REMINDER_DAY = datetime(2026, 12, 1, 12, tzinfo=UTC)


def make_account():
    return AccountFactory(account_manager=UserFactory())


def make_contact():
    return ContactFactory()


def make_contract():
    return ContractFactory()


def make_event():
    return ContractFactory().timeline.get()


def make_task(**details):
    contract = ContractFactory()
    return open_task(
        account_id=contract.account_id,
        contract_id=contract.pk,
        title="Call back about the invoice",
        due_on=date(2026, 6, 3),
        pool=TaskPool.SERVICE,
        at=NOW,
        **({"assignee": UserFactory()} | details),
    )


def make_reminder() -> RenewalReminder:
    contact = ContactFactory()
    contract = ContractFactory(account=contact.account)
    plan_renewal_reminders(at=REMINDER_DAY)
    return contract.reminders.get()


def make_mail() -> OutgoingMail:
    reminder = make_reminder()
    return OutgoingMail.objects.get(subject_id=reminder.pk)


def make_address():
    return MailAddressFactory()


def make_product():
    return ProductFactory()


def make_brand():
    return BrandFactory()


def make_import() -> ImportRun:
    return ImportRun.objects.create(
        file_name="contracts.csv",
        file_sha256="ab" * 32,
        mapping="telco",
        as_of=date(2026, 6, 1),
        state=ImportState.DONE,
        started_at=NOW,
        started_by=UserFactory(),
        rows_read=10,
        rows_refused=1,
        counts={"accounts": {"added": 9}},
    )


def make_issue() -> ImportIssue:
    return ImportIssue.objects.create(
        run=make_import(), line=7, field="starts_on", reason="“31.02.2026” is no day."
    )
