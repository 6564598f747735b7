"""Fills an empty database with a made-up company of any size, on the morning of one day."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from time import monotonic

from django.core.management import call_command
from django.db import connection
from tqdm import tqdm

from accounts.models import Account, Brand, Contact, Contract, Product
from accounts.services.exchange_rates import add_exchange_rate
from accounts.services.revenue import record_revenue_days
from accounts.sql.contract_dates import refresh_contract_dates
from benchmarks import rows, sql
from cxcrm.base import clock
from cxcrm.outbox.models import MailAddress
from cxcrm.users.models import User

PAST_DAYS = 180


def main(arguments: Namespace) -> None:
    started = monotonic()
    call_command("migrate", verbosity=0)
    if Account.objects.exists():
        sys.exit("This database holds accounts already; --drop begins anew with cxcrm_bench.")
    day = arguments.day or clock.now().date()
    fill(scale=arguments.scale, seed=arguments.seed, day=day)
    print("Cleaning up and collecting statistics")
    sql.vacuum(analyze=True)
    sql.note_origin(
        json.dumps({"scale": arguments.scale, "seed": arguments.seed, "day": day.isoformat()})
    )
    print(f"Done in {monotonic() - started:.0f} s: {Contract.objects.count():,} contracts")


def fill(*, scale: float, seed: int, day: date) -> None:
    """Customers and contracts by COPY, then their dates and past months by SQL.

    Everything that was due before `day` is done; what is due on it is not.
    """
    settings = {"scale": scale, "seed": seed, "day": day}
    _add_staff()
    _add_brands()
    _copy(Product, rows.PRODUCT_COLUMNS, rows.products(), rows.PRODUCTS)
    _copy(
        Account,
        rows.ACCOUNT_COLUMNS,
        rows.accounts(**settings),
        rows.scaled(rows.ACCOUNTS, scale),
    )
    number = rows.scaled(rows.CONTACTS, scale)
    addresses = (address for _, address in rows.contacts(**settings) if address)
    _copy(MailAddress, rows.ADDRESS_COLUMNS, addresses, number)
    contacts = (contact for contact, _ in rows.contacts(**settings))
    _copy(Contact, rows.CONTACT_COLUMNS, contacts, number)
    _copy(
        Contract,
        rows.CONTRACT_COLUMNS,
        rows.contracts(**settings),
        rows.scaled(rows.CONTRACTS, scale),
    )
    sql.restart_ids(
        [model._meta.db_table for model in (User, Brand, Product, Account, MailAddress, Contact)]
        + [Contract._meta.db_table]
    )
    print("Computing the dates of all contracts")
    eve = {"on": day - timedelta(days=1), "at": clock.instant_on(day)}
    sql.collect_statistics()
    refresh_contract_dates(contract_ids=None, **eve)
    while decided := sql.decide_due_reminders(day=day):
        refresh_contract_dates(contract_ids=decided, **eve)
    sql.add_past(day=day, past_days=PAST_DAYS, staff=rows.STAFF)
    print("Valuing all accounts")
    for currency, rate in rows.EXCHANGE_RATES:
        add_exchange_rate(
            currency=currency, valid_from=date(day.year - 10, 1, 1), rate=Decimal(rate)
        )
    record_revenue_days(at=clock.instant_on(day))


def _add_staff() -> None:
    User.objects.bulk_create(
        User(
            id=number,
            email=f"agent{number}@cxcrm.example",
            name=f"Agent {number}",
            is_staff=True,
            is_superuser=number == 1,
        )
        for number in range(1, rows.STAFF + 1)
    )


def _add_brands() -> None:
    Brand.objects.bulk_create(
        Brand(
            id=number,
            code=name.lower(),
            name=name,
            legal_name=f"{name} Hosting GmbH",
            imprint=f"{name} Hosting GmbH\nDeichstraße {number}, 76131 Karlsruhe\nHRB 10{number}",
            base_url=f"https://{name.lower()}.example",
            sender_name=name,
            sender_address=f"post@{name.lower()}.example",
            service_address=f"service@{name.lower()}.example",
            service_phone="+49721900100",
        )
        for number, name in enumerate(("Nordhost", "Sudweb"), start=1)
    )


def _copy(model: type, columns: Sequence[str], lines: Iterable[tuple], number: int) -> None:
    table = model._meta.db_table
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        for line in tqdm(lines, desc=table, total=number, unit_scale=True, mininterval=1):
            copy.write_row(line)
