"""A year of renewals in three countries, with real processes: each mail once, on the day that the
law there asks for, by an independent table."""

import re
from bisect import bisect
from datetime import date, timedelta
from itertools import product as combinations

from accounts.enums import AfterTerm, ContactRole, ContractState, CustomerKind
from accounts.models import Account, Contact, Contract, Product, RenewalReminder
from accounts.sql.contract_dates import refresh_contract_dates
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import MailAddress
from tests.factories import BrandFactory, ProductFactory
from tests.journeys.country_reference import (
    CALIFORNIA,
    EVERYBODY,
    FRENCH_CONSUMER,
    NOTICES,
    domain_end,
    domain_steps,
    expected_reminder,
)
from tests.processes.smtp_sink import TakenMail

FIRST_DAY = date(2031, 1, 1)
LAST_DAY = date(2031, 12, 31)
# Every fourth day, and what is special: the ends of months.
RENEWAL_DATES = sorted(
    {FIRST_DAY + timedelta(days=n) for n in range(0, 550, 4)}
    | {date(2031, month, 1) - timedelta(days=1) for month in range(2, 13)}
)
PLACES = {
    EVERYBODY: ("DE", "", CustomerKind.BUSINESS, "Europe/Berlin"),
    FRENCH_CONSUMER: ("FR", "", CustomerKind.CONSUMER, "Europe/Paris"),
    CALIFORNIA: ("US", "CA", CustomerKind.BUSINESS, "America/Los_Angeles"),
}
Sent = tuple[str, date]  # to whom, on which day


def test_year_in_three_countries(deployment):
    hosting, domain = add_products()
    expected = [
        sent
        for who, notice in combinations(PLACES, NOTICES)
        for sent in add_hosting(who, notice, hosting)
    ]
    expected += add_domains(domain)
    refresh_contract_dates(contract_ids=None, at=instant_on(FIRST_DAY))
    deployment.start_worker()
    deployment.start_beat()

    played = deployment.run(
        *("-m", "tests.journeys.play_days"), FIRST_DAY.isoformat(), LAST_DAY.isoformat()
    )

    days = days_by_moment(played)
    sent = [as_sent(mail, days) for mail in deployment.sink.taken()]
    assert sorted(sent) == sorted(expected)
    # The proof, which comes with the next run: by whom each was accepted, and when.
    deployment.manage("run_due", "--as-of", LAST_DAY.isoformat())
    proven = RenewalReminder.objects.filter(accepted_at__isnull=False).exclude(accepted_by="")
    assert proven.count() == len(expected)
    clashes = RenewalReminder.objects.filter(is_clash=True).select_related("contract__account")
    assert {
        (reminder.contract.account.region, reminder.contract.notice_months) for reminder in clashes
    } == {("CA", 3)}


def add_products() -> tuple[Product, Product]:
    brand = BrandFactory(code="north", name="North")
    return (
        ProductFactory(brand=brand, code="web", name="Web", family="hosting"),
        ProductFactory(brand=brand, code="com", name="Domain", family="domain"),
    )


def add_hosting(who: str, notice: tuple[int, int], product: Product) -> list[Sent]:
    """One contract for each renewal date; the mails of the year that the table asks for."""
    account, address = add_customer(f"{who} {notice[0]}-{notice[1]}", who, product)
    expected = [
        (reminder.day, address)
        for renewal_date in RENEWAL_DATES
        for reminder in [expected_reminder(who, renewal_date, *notice)]
    ]
    # What was due before the first day has been done elsewhere.
    Contract.objects.bulk_create(
        contract_of_four_years(account, product, renewal_date, notice)
        for renewal_date, (day, _) in zip(RENEWAL_DATES, expected, strict=True)
        if day >= FIRST_DAY
    )
    return [(address, day) for day, _ in expected if FIRST_DAY <= day <= LAST_DAY]


def add_domains(product: Product) -> list[Sent]:
    """Domains with a month's notice: each renews, or ends with its term."""
    account, address = add_customer("domains", EVERYBODY, product)
    expected = []
    contracts = []
    for number, renewal_date in enumerate(RENEWAL_DATES):
        before = domain_steps(renewal_date, 1, 0)
        if before[0] < FIRST_DAY:
            continue
        contract = contract_of_four_years(account, product, renewal_date, (1, 0))
        days = before
        if number % 3 == 0:
            contract.ends_on = renewal_date - timedelta(days=1)
            days = [domain_end(renewal_date)]
        contracts.append(contract)
        expected += [(address, day) for day in days if day <= LAST_DAY]
    Contract.objects.bulk_create(contracts)
    return expected


def add_customer(name: str, who: str, product: Product) -> tuple[Account, str]:
    country, region, kind, time_zone = PLACES[who]
    address = f"{re.sub('[^a-z0-9]+', '-', name.lower())}@customers.example"
    account = Account.objects.create(
        brand=product.brand,
        external_id=name,
        name=name,
        customer_kind=kind,
        country=country,
        region=region,
        language="en",
        time_zone=time_zone,
        created_at=instant_on(FIRST_DAY),
    )
    Contact.objects.create(
        account=account,
        name=name,
        role=ContactRole.BILLING,
        address=MailAddress.objects.create(address=address),
    )
    return account, address


def contract_of_four_years(
    account: Account, product: Product, renewal_date: date, notice: tuple[int, int]
) -> Contract:
    starts_on = renewal_date.replace(year=renewal_date.year - 4)
    return Contract(
        brand=account.brand,
        account=account,
        product=product,
        external_id=f"{account.external_id} {renewal_date} {product.code}",
        state=ContractState.RUNNING,
        concluded_on=starts_on,
        starts_on=starts_on,
        first_term_months=48,
        after_term=AfterTerm.RENEWS,
        renewal_term_months=48,
        notice_months=notice[0],
        notice_days=notice[1],
        price=10,
        currency="EUR",
        billing_period_months=1,
    )


def days_by_moment(played: str) -> dict[float, date]:
    """When each played day began."""
    lines = (line.split() for line in played.splitlines())
    return {float(moment): date.fromisoformat(day) for day, moment in lines}


def as_sent(mail: TakenMail, days: dict[float, date]) -> Sent:
    [address] = mail.recipients
    moments = list(days)
    return address, days[moments[bisect(moments, mail.time) - 1]]
