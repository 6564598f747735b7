"""Valid rows with as little said as possible; everything that matters to a test is passed in."""

from datetime import UTC, date, datetime
from decimal import Decimal

import factory
from django.contrib.auth.models import Group

from accounts.enums import AfterTerm, CancellationKind, ContactRole, CustomerKind
from accounts.models import (
    Account,
    Brand,
    Cancellation,
    Contact,
    Contract,
    ExchangeRate,
    Product,
    ReminderPolicy,
    ReminderPolicyStep,
)
from accounts.services.cancellations import cancel_contract
from accounts.services.contracts import add_contract
from accounts.services.exchange_rates import add_exchange_rate
from accounts.services.policies import save_policy
from cxcrm.outbox.models import MailAddress
from cxcrm.users.models import User

NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"user{n}@cxcrm.test")
    name = factory.Sequence(lambda n: f"User {n}")
    password = factory.django.Password("correct horse battery staple")

    @factory.post_generation
    def role(self, create, role, **kwargs):
        """Staff of this role; without one a customer's login."""
        if role:
            self.is_staff = True
            self.save()
            # Made by a migration, and flushed by tests that commit.
            self.groups.add(Group.objects.get_or_create(name=role)[0])


class BrandFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Brand

    code = factory.Sequence(lambda n: f"brand-{n}")
    name = factory.Sequence(lambda n: f"Brand {n}")
    legal_name = factory.LazyAttribute(lambda brand: f"{brand.name} GmbH")
    imprint = "Marktplatz 1, 76131 Karlsruhe"
    base_url = factory.LazyAttribute(lambda brand: f"https://{brand.code}.example")
    sender_name = factory.SelfAttribute("name")
    sender_address = factory.LazyAttribute(lambda brand: f"mail@{brand.code}.example")
    service_address = factory.LazyAttribute(lambda brand: f"service@{brand.code}.example")


class AccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Account

    brand = factory.SubFactory(BrandFactory)
    external_id = factory.Sequence(lambda n: f"A{n:06}")
    name = factory.Sequence(lambda n: f"Account {n}")
    customer_kind = CustomerKind.BUSINESS
    country = "DE"
    language = "en"
    time_zone = "Europe/Berlin"
    created_at = NOW


class MailAddressFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = MailAddress
        django_get_or_create = ["address"]

    address = factory.Sequence(lambda n: f"person{n}@customers.example")


class ContactFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Contact

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Person {n}")
    role = ContactRole.DECISION_MAKER
    address = factory.SubFactory(MailAddressFactory)

    @classmethod
    def _adjust_kwargs(cls, **kwargs):
        """`address` may be given as text."""
        if isinstance(kwargs["address"], str):
            kwargs["address"] = MailAddressFactory(address=kwargs["address"])
        return kwargs


class ProductFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Product

    brand = factory.SubFactory(BrandFactory)
    code = factory.Sequence(lambda n: f"product-{n}")
    name = factory.Sequence(lambda n: f"Hosting {n}")
    family = "hosting"


class ContractFactory(factory.django.DjangoModelFactory):
    """A contract of one year that renews by a year, with a month's notice; added at `at`."""

    class Meta:
        model = Contract

    account = factory.SubFactory(AccountFactory)
    product = factory.LazyAttribute(lambda row: ProductFactory(brand=row.account.brand))
    external_id = factory.Sequence(lambda n: f"C{n:06}")
    starts_on = date(2026, 1, 15)
    first_term_months = 12
    after_term = AfterTerm.RENEWS
    renewal_term_months = 12
    notice_months = 1
    price = Decimal("10.00")
    currency = "EUR"
    billing_period_months = 1
    at = NOW

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return add_contract(**kwargs)


class ReminderPolicyFactory(factory.django.DjangoModelFactory):
    """A policy about one country, with one step: as many `days_before` the renewal date."""

    class Meta:
        model = ReminderPolicy

    name = factory.Sequence(lambda n: f"Policy {n}")
    country = factory.Iterator(["PT", "IT", "PL", "NL", "DK", "SE", "NO", "FI"])
    days_before = 60

    @classmethod
    def _create(cls, model_class, *args, days_before, **kwargs):
        step = ReminderPolicyStep(days_before=days_before)
        return save_policy(policy=model_class(**kwargs), steps=[step])


def cancel(contract: Contract, last_day: date | None, *, at: datetime = NOW) -> Cancellation:
    """Have a contract end on any day; the terms have no say in extraordinary notice. Without a
    day an agent has to decide it."""
    return cancel_contract(
        contract_id=contract.pk,
        kind=CancellationKind.EXTRAORDINARY,
        received_at=at,
        effective_on=last_day,
        at=at,
    )


def exchange_rate(currency: str, value: str, valid_from: date = date(2020, 1, 1)) -> ExchangeRate:
    return add_exchange_rate(currency=currency, valid_from=valid_from, rate=Decimal(value))
