"""Plays the past of the demo company: what customers, agents and the clock did on each day."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from accounts.enums import CancellationKind, TaskOrigin, TaskPool
from accounts.selectors.cancellations import reasons_on_offer
from accounts.selectors.policy_words import policy_named
from accounts.selectors.tasks import open_tasks
from accounts.services.brands import add_brand
from accounts.services.cancellations import (
    CancellationStands,
    cancel_contract,
    decide_cancellation,
    take_back_cancellation,
)
from accounts.services.contracts import ContractIsOver, NewContract, add_contracts
from accounts.services.customers import NewAccount, NewContact, add_accounts
from accounts.services.due_work import run_due_work
from accounts.services.exchange_rates import add_exchange_rate
from accounts.services.imports import import_feed
from accounts.services.policies import end_policy, replace_policy, save_policy
from accounts.services.policy_following import rest_from_repair
from accounts.services.prices import PriceChangeRefused, announce_price_change
from accounts.services.products import add_product
from accounts.services.tasks import finish_task, open_task
from cxcrm.base.clock import instant_on
from cxcrm.demo.catalogue import (
    AGENTS,
    BRANDS,
    CALLS,
    CX_MANAGER,
    EXCHANGE_RATES,
    OFFERS,
    STAFF,
    TEAM_LEAD,
)
from cxcrm.demo.customers import (
    Customer,
    Notice,
    Purchase,
    invent_customers,
    listed,
    no_month_end,
)
from cxcrm.demo.mail import PastMail
from cxcrm.demo.takeover import BRAND as TAKING_OVER
from cxcrm.demo.takeover import write_feed
from cxcrm.outbox.enums import LegalBasis, MailClass
from cxcrm.outbox.services import (
    PermissionGrant,
    deliver_mails,
    grant_permissions,
    mark_bounced,
    remember_addresses,
)
from cxcrm.users.services import create_staff

CALLS_A_DAY = 1.4
WANT_NEWS = 0.3
TAKEN_OVER = timedelta(days=3)
SERVERS_ANNOUNCED = timedelta(days=10)
UNDECIDED = timedelta(days=1)
POLICY_CHANGED = timedelta(days=2)
# From then on everybody is to have two weeks to decide. Whoever wrote that left a gap of days.
NEW_POLICY = timedelta(days=120)
GAP = timedelta(days=4)
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
        self.servers: list[tuple[int, int]] = []
        self.staff = {
            email: create_staff(email=email, name=name, role=role)
            for email, (name, role) in STAFF.items()
        }
        self.brands = {code: add_brand(code=code, **details) for code, details in BRANDS.items()}
        self.products = {
            (brand, offer.code): add_product(
                brand=self.brands[brand],
                code=offer.code,
                name=offer.name,
                family=offer.family,
                **listed(offer),
            )
            for brand, offers in OFFERS.items()
            for offer in offers
        }
        for currency, rate in EXCHANGE_RATES.items():
            # The first day records the money of the day before.
            add_exchange_rate(
                currency=currency, valid_from=first_day - timedelta(days=1), rate=Decimal(rate)
            )
        # There is no contract yet to follow the policies that cxcrm comes with.
        rest_from_repair(until=instant_on(today))
        self.reasons = list(reasons_on_offer())
        self.joining: dict[date, list[Customer]] = defaultdict(list)
        for customer in invent_customers(rng, first_day=first_day, today=today):
            self.joining[customer.joined_on].append(customer)
        self.plan(today - TAKEN_OVER, self.take_over)
        self.plan(today - SERVERS_ANNOUNCED, self.announce_server_price)
        self.plan(today - UNDECIDED, self.lose_patience)
        self.plan(today - POLICY_CHANGED, self.change_policy)

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
        run_due_work(at=at)
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
        self.ask_for_permissions(customers, at)
        for account, customer in zip(accounts, customers, strict=True):
            for purchase in customer.purchases:
                self.plan(purchase.bought_on, self.buy, account, customer.brand, purchase)
            for person in customer.people:
                if person.address and person.bounces_on:
                    self.plan(person.bounces_on, self.bounce, person.address)

    def ask_for_permissions(self, customers: list[Customer], at: datetime) -> None:
        """Some of those who join want the newsletter."""
        addresses = [
            person.address
            for customer in customers
            for person in customer.people
            if person.address and self.rng.random() < WANT_NEWS
        ]
        grant_permissions(
            grants=[
                PermissionGrant(address_id, MailClass.NEWSLETTER, LegalBasis.CONSENT, "sign-up")
                for address_id in remember_addresses(addresses=addresses).values()
            ],
            at=at,
        )

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
            if order.product.family == "server" and not (purchase.notice or purchase.withdrawn_on):
                self.servers.append((contract_id, purchase.terms["price"]))
            agent = order.account.account_manager
            if purchase.withdrawn_on:
                self.plan(purchase.withdrawn_on, self.withdraw, contract_id, agent)
            elif notice := purchase.notice:
                self.plan(notice.given_on, self.give_notice, contract_id, notice, agent)
        self.orders.clear()

    def give_notice(self, contract_id: int, notice: Notice, agent, at: datetime) -> None:
        """Some think better of it in time; where the terms do not say the last day, an agent
        does, days later."""
        cancellation = cancel_contract(
            contract_id=contract_id,
            kind=notice.kind,
            reason_id=self.rng.choice(self.reasons).pk,
            received_at=at,
            at=at,
            actor=agent,
        )
        last_day = cancellation.effective_on
        if last_day is None:
            day = at.date() + timedelta(days=self.rng.randint(1, 3))
            self.plan(day, self.decide, cancellation, agent)
        elif notice.taken_back_on and notice.taken_back_on < last_day:
            self.plan(notice.taken_back_on, self.stay, cancellation, agent)

    def withdraw(self, contract_id: int, agent, at: datetime) -> None:
        kind = CancellationKind.WITHDRAWAL
        cancel_contract(contract_id=contract_id, kind=kind, received_at=at, at=at, actor=agent)

    def decide(self, cancellation, agent, at: datetime) -> None:
        last_day = at.date() + timedelta(days=self.rng.randint(14, 40))
        decide_cancellation(
            cancellation_id=cancellation.pk, effective_on=last_day, at=at, actor=agent
        )

    def stay(self, cancellation, agent, at: datetime) -> None:
        take_back_cancellation(cancellation_id=cancellation.pk, at=at, actor=agent)

    def announce_server_price(self, at: datetime) -> None:
        """Servers cost more from two months on; their customers have been told by letter."""
        for contract_id, price in self.servers:
            with suppress(ContractIsOver, PriceChangeRefused):
                announce_price_change(
                    contract_id=contract_id,
                    price=Decimal(price + max(1, price // 20)),
                    effective_on=no_month_end(at.date() + timedelta(days=60)),
                    announced_on=at.date(),
                    at=at,
                    actor=self.staff[TEAM_LEAD],
                )

    def lose_patience(self, at: datetime) -> None:
        """Somebody leaves at once; until when is for an agent to decide."""
        for contract_id, _price in self.servers:
            with suppress(ContractIsOver, CancellationStands):
                cancel_contract(
                    contract_id=contract_id,
                    kind=CancellationKind.EXTRAORDINARY,
                    received_at=at,
                    reason_id=self.reasons[0].pk,
                    comment="The server was down three times in a month.",
                    at=at,
                    actor=self.staff[AGENTS[0]],
                )
                return

    def change_policy(self, at: datetime) -> None:
        """The usual policy gets a successor, which begins days after it ends: the renewals of
        these days are served by none."""
        usual = policy_named("Everybody else")
        first_day = at.date() + NEW_POLICY
        successor = replace_policy(
            policy_id=usual.pk,
            first_day=first_day,
            name="Everybody else, two weeks to decide",
            at=at,
        )
        steps = list(successor.steps.all())
        for step in steps:
            step.least_days_to_decide = 14
        save_policy(policy=successor, steps=steps)
        end_policy(policy_id=usual.pk, last_day=first_day - GAP, at=at)

    def take_over(self, at: datetime) -> None:
        """The customers of a small hoster come in by a feed."""
        with TemporaryDirectory() as folder:
            feed = Path(folder) / "heide-web.csv"
            write_feed(feed, self.rng, as_of=at.date())
            import_feed(
                file=feed,
                mapping="standard",
                as_of=at.date(),
                brand=TAKING_OVER,
                dry_run=False,
                at=at,
                started_by=self.staff[CX_MANAGER],
            )

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
