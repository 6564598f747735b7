"""Customers whose renewal reminders fall due on one day: real work for the workers."""

from datetime import date, timedelta
from decimal import Decimal

from accounts.enums import AfterTerm, ContactRole, ContractState, CustomerKind
from accounts.models import Account, Contact, Contract
from accounts.sql.contract_dates import refresh_contract_dates
from cxcrm.base import clock
from cxcrm.outbox.models import MailAddress
from tests.factories import BrandFactory, ProductFactory

# Far enough away that beat, which lives today, does not plan it.
DAY = date(2030, 3, 1)
# As the policy for everybody has it.
REMIND_DAYS_BEFORE_RENEWAL = 45


def add_customers(name: str, count: int, *, remind_on: date = DAY) -> list[str]:
    """So many customers with one contract each, to be reminded on that day; their addresses."""
    at = clock.instant_on(remind_on)
    renewal_date = remind_on + timedelta(days=REMIND_DAYS_BEFORE_RENEWAL)
    product = ProductFactory(brand=BrandFactory(code=name, name=name))
    numbers = [f"{name}-{number}" for number in range(count)]
    accounts = Account.objects.bulk_create(
        Account(
            brand=product.brand,
            external_id=number,
            name=number,
            customer_kind=CustomerKind.BUSINESS,
            country="DE",
            language="en",
            time_zone="Europe/Berlin",
            created_at=at,
        )
        for number in numbers
    )
    addresses = MailAddress.objects.bulk_create(
        MailAddress(address=f"{number}@customers.example") for number in numbers
    )
    Contact.objects.bulk_create(
        Contact(
            account=account, name=account.name, role=ContactRole.DECISION_MAKER, address=address
        )
        for account, address in zip(accounts, addresses, strict=True)
    )
    contracts = Contract.objects.bulk_create(
        _contract_of_a_year(account, product.pk, renewal_date) for account in accounts
    )
    refresh_contract_dates(contract_ids=[contract.pk for contract in contracts], at=at)
    return [address.address for address in addresses]


def _contract_of_a_year(account: Account, product_id: int, renewal_date: date) -> Contract:
    starts_on = renewal_date.replace(year=renewal_date.year - 1)
    return Contract(
        brand_id=account.brand_id,
        account=account,
        product_id=product_id,
        external_id=account.external_id,
        state=ContractState.RUNNING,
        concluded_on=starts_on,
        starts_on=starts_on,
        first_term_months=12,
        after_term=AfterTerm.RENEWS,
        renewal_term_months=12,
        notice_months=1,
        price=Decimal("10.00"),
        currency="EUR",
        billing_period_months=1,
    )
