"""One more row of whatever the desk lists, made through the services where they make it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from accounts.enums import CancellationKind, ImportKind, ImportState, TaskPool
from accounts.models import (
    Cancellation,
    CancellationReason,
    ExchangeRate,
    ImportIssue,
    ImportMapping,
    ImportRun,
    LostAccount,
    RenewalReminder,
)
from accounts.services.cancellations import cancel_contract
from accounts.services.contracts import advance_contracts
from accounts.services.deeds import TAKE_TASKS
from accounts.services.exchange_rates import add_exchange_rate
from accounts.services.reminder_texts import RENEWAL_REMINDER
from accounts.services.renewals import plan_renewal_reminders
from accounts.services.tasks import open_task
from cxcrm.api.models import ApiKey
from cxcrm.api.services import make_key
from cxcrm.base.jobs import start_job
from cxcrm.base.models import Job, JobRefusal
from cxcrm.outbox.enums import LegalBasis, MailClass
from cxcrm.outbox.models import MailWording, OutgoingMail, RecipientDomain
from cxcrm.outbox.services import PermissionGrant, grant_permissions
from cxcrm.outbox.services.wording_versions import save_wording
from cxcrm.users.enums import Role
from tests.factories import (
    NOW,
    AccountFactory,
    BrandFactory,
    ContactFactory,
    ContractFactory,
    MailAddressFactory,
    ProductFactory,
    ReminderPolicyFactory,
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
    return OutgoingMail.objects.get(kind=RENEWAL_REMINDER, subject_id=reminder.pk)


def make_address():
    return MailAddressFactory()


def make_product():
    return ProductFactory()


def make_rate():
    currency = f"X{chr(ord('A') + ExchangeRate.objects.count())}X"
    return add_exchange_rate(currency=currency, valid_from=NOW.date(), rate=Decimal("1.1"))


def make_brand():
    return BrandFactory()


def make_policy():
    return ReminderPolicyFactory()


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
        counts={"accounts": {"added": 9, "changed": 0, "unchanged": 0}},
    )


def make_mapping() -> ImportMapping:
    return ImportMapping.objects.create(
        name=f"billing-{ImportMapping.objects.count()}",
        kind=ImportKind.CONTRACTS,
        content={"fields": {"price": {"column": "Preis"}}},
        saved_at=NOW,
        saved_by=UserFactory(),
    )


def make_issue() -> ImportIssue:
    return ImportIssue.objects.create(
        run=make_import(), line=7, field="starts_on", reason="“31.02.2026” is no day."
    )


def make_job() -> Job:
    return start_job(
        deed=TAKE_TASKS,
        ids=[make_task().pk, make_task(assignee=None).pk],
        parameters={},
        at=NOW,
        actor=UserFactory(role=Role.AGENT),
    )


def make_refusal() -> JobRefusal:
    return make_job().refusals.get()


def make_cancellation() -> Cancellation:
    contact = ContactFactory()
    return cancel_contract(
        contract_id=ContractFactory(account=contact.account).pk,
        kind=CancellationKind.EXTRAORDINARY,
        reason_id=make_reason().pk,
        received_at=NOW,
        at=NOW,
        actor=UserFactory(),
    )


def make_reason() -> CancellationReason:
    number = CancellationReason.objects.count()
    return CancellationReason.objects.create(
        code=f"reason-{number}", name_en="Moved", name_de="Umzug", name_fr="Parti", name_es="Ido"
    )


def make_lost_account() -> LostAccount:
    """Its only contract ended yesterday, for a reason; its contact may be written a newsletter."""
    contact = ContactFactory()
    cancellation = cancel_contract(
        contract_id=ContractFactory(account=contact.account).pk,
        kind=CancellationKind.EXTRAORDINARY,
        reason_id=make_reason().pk,
        effective_on=date(2026, 5, 31),
        received_at=NOW - timedelta(days=1),
        at=NOW - timedelta(days=1),
    )
    grant = PermissionGrant(contact.address_id, MailClass.NEWSLETTER, LegalBasis.CONSENT, "form")
    grant_permissions(grants=[grant], at=NOW)
    advance_contracts(at=NOW)
    return LostAccount.objects.get(pk=cancellation.contract.account_id)


def make_wording():
    number = MailWording.objects.count()
    return save_wording(
        kind="renewal_reminder",
        language="en",
        brand_code="",
        texts={"extra": f"We are moving house: {number}."},
        based_on=number,
        at=NOW,
        actor=UserFactory(role=Role.CX_MANAGER),
    )


def make_api_key() -> ApiKey:
    return make_key(
        name="Billing",
        scopes=["customers:read"],
        brand_ids=[BrandFactory().pk],
        at=NOW,
        actor=UserFactory(role=Role.ADMINISTRATOR),
    ).key


def make_limit() -> RecipientDomain:
    number = RecipientDomain.objects.count()
    return RecipientDomain.objects.create(domain=f"slow{number}.example", mails_per_minute=60)
