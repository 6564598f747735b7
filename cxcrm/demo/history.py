"""Plays the past of the demo company: what customers, agents and the clock did on each day."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random

from accounts.enums import TaskOrigin, TaskPool
from accounts.selectors.tasks import open_tasks
from accounts.services.brands import add_brand
from accounts.services.contracts import NewContract, add_contracts, end_contract, take_back_end
from accounts.services.customers import NewAccount, NewContact, add_accounts, add_product
from accounts.services.due_work import run_due_work
from accounts.services.tasks import finish_task, open_task
from cxcrm.demo.catalogue import AGENTS, BRANDS, CALLS, OFFERS, STAFF
from cxcrm.demo.customers import Customer, Purchase, invent_customers
from cxcrm.demo.mail import PastMail
from cxcrm.outbox.services import deliver_mails, mark_bounced, remember_addresses
from cxcrm.users.services import create_staff

CALLS_A_DAY = 1.4
# An agent sees to what the system asks for within this time.
PATIENCE = timedelta(days=5)

Deed = Callable[[datetime], object]


class History:
    """Founds the company; then `live` has to be called for each day in turn."""

    def __init__(self, rng: Random, *, first_day: date, today: date) -> None:
        self.rng = rng
        self.deeds: dict[date, list[Deed]] = defaultdict(list)
        self.accounts = []
        self.orders: list[tuple[Purchase, NewContract]] = []
        self.staff = {
            email: create_staff(email=email, name=name, role=role)
            for email, (name, role) in STAFF.items()
        }
        self.brands = {code: add_brand(code=code, **details) for code, details in BRANDS.items()}
        self.products = {
            (brand, offer.code): add_product(
                brand=self.brands[brand], code=offer.code, name=offer.name, family=offer.family
            )
            for brand, offers in OFFERS.items()
            for offer in offers
        }
        self.joining: dict[date, list[Customer]] = defaultdict(list)
        for customer in invent_customers(rng, first_day=first_day, today=today):
            self.joining[customer.joined_on].append(customer)

    def live(self, *, at: datetime) -> None:
        """One day: what was planned, the agents' work, what is due, and the mails of it."""
        if customers := self.joining.pop(at.date(), []):
            self.welcome(customers, at)
        for deed in self.deeds.pop(at.date(), []):
            deed(at)
        if self.orders:
            self.sign_contracts(at)
        for _call in range(int(CALLS_A_DAY + self.rng.random())):
            self.take_call(at)
        if at.weekday() == 0:
            self.see_to_open_tasks(at)
        if run_due_work(at=at)["planned"]:
            deliver_mails(at=at, connection=PastMail(at=at))

    def plan(self, day: date, deed: Callable[..., object], *subjects: object) -> None:
        """Have `deed(*subjects, at)` done on a day; on days before or after our time it is not."""
        self.deeds[day].append(lambda at: deed(*subjects, at))

    def welcome(self, customers: list[Customer], at: datetime) -> None:
        """All who join on a day in one go: the first day has hundreds."""
        accounts = add_accounts(
            accounts=[
                NewAccount(
                    self.brands[customer.brand],
                    customer.details | {"account_manager": self.staff[customer.manager]},
                    [NewContact(person.address, person.details) for person in customer.people],
                )
                for customer in customers
            ],
            at=at,
        )
        self.accounts += accounts
        for account, customer in zip(accounts, customers, strict=True):
            for purchase in customer.purchases:
                self.plan(purchase.bought_on, self.buy, account, customer.brand, purchase)
            for person in customer.people:
                if person.address and person.bounces_on:
                    self.plan(person.bounces_on, self.bounce, person.address)

    def bounce(self, address: str, at: datetime) -> None:
        [address_id] = remember_addresses(addresses=[address]).values()
        mark_bounced(address_id=address_id, reason="550 5.1.1 no such mailbox", at=at)

    def buy(self, account, brand: str, purchase: Purchase, at: datetime) -> None:
        product = self.products[brand, purchase.product]
        self.orders.append((purchase, NewContract(account, product, purchase.terms)))

    def sign_contracts(self, at: datetime) -> None:
        """All orders of the day in one go."""
        ids = add_contracts(contracts=[order for _purchase, order in self.orders], at=at)
        for contract_id, (purchase, order) in zip(ids, self.orders, strict=True):
            agent = order.account.account_manager
            if notice := purchase.notice:
                self.plan(notice.given_on, self.give_notice, contract_id, notice.last_day, agent)
                if notice.taken_back_on:
                    self.plan(notice.taken_back_on, self.stay, contract_id, agent)
        self.orders.clear()

    def give_notice(self, contract_id: int, last_day: date, agent, at: datetime) -> None:
        end_contract(contract_id=contract_id, ends_on=last_day, at=at, actor=agent)

    def stay(self, contract_id: int, agent, at: datetime) -> None:
        take_back_end(contract_id=contract_id, at=at, actor=agent)

    def take_call(self, at: datetime) -> None:
        """A customer asks for something: a task, mostly done within days."""
        account = self.rng.choice(self.accounts)
        title, result = self.rng.choice(CALLS)
        task = open_task(
            account_id=account.pk,
            title=title,
            due_on=at.date() + timedelta(days=self.rng.randint(1, 6)),
            pool=TaskPool.SERVICE,
            assignee=account.account_manager,
            actor=self.rng.choice(self.agents),
            at=at,
        )
        patience = 40 if self.rng.random() < 0.15 else 9
        day = at.date() + timedelta(days=self.rng.randint(1, patience))
        self.plan(day, self.finish, task, result, account.account_manager)

    def see_to_open_tasks(self, at: datetime) -> None:
        """What the system asked agents to do, last week or before."""
        waiting = open_tasks(due_by=(at - PATIENCE).date()).exclude(origin=TaskOrigin.BY_HAND)
        for task in waiting.order_by("due_on", "contract__external_id", "origin"):
            agent = self.rng.choice(self.agents)
            if self.rng.random() < 0.7:
                self.finish(task, "Called; the customer knows the date now.", agent, at)

    def finish(self, task, result: str, agent, at: datetime) -> None:
        finish_task(task_id=task.pk, result=result, actor=agent, at=at)

    @property
    def agents(self) -> list:
        return [self.staff[email] for email in AGENTS]
