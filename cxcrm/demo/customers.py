"""Invents the customers of the demo company and what they do, day by day, from one seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from accounts.enums import AfterTerm, CancellationKind, ContactRole, CustomerKind, Segment
from cxcrm.demo.catalogue import AGENTS, OFFERS, PLACES, SEGMENTS, TEAM_LEAD, Offer, Place
from cxcrm.demo.names import company, person, slug

CUSTOMERS = 300
# Customers of before the company worked with cxcrm; the others join day by day.
FROM_BEFORE = 0.7

TERMS = {
    "yearly": (12, 12, 1),
    "two_years": (24, 12, 3),
    "monthly": (1, 1, 0),
    "open_ended": (None, None, 1),
}
SIZES = {Segment.MICRO: 1, Segment.SMALL: 1, Segment.MEDIUM: 2, Segment.LARGE: 5, "": 1}
NOTICE_KINDS = [
    (CancellationKind.ORDINARY, 85),
    (CancellationKind.EXTRAORDINARY, 8),
    (CancellationKind.SWITCH, 7),
]
ROLES = [ContactRole.BILLING, ContactRole.TECHNICAL, ContactRole.END_USER, ContactRole.INFLUENCER]


@dataclass(frozen=True)
class Person:
    address: str | None
    details: dict
    bounces_on: date | None


@dataclass(frozen=True)
class Notice:
    """When and how somebody asks to end a contract, and when they think better of it."""

    given_on: date
    kind: CancellationKind
    taken_back_on: date | None


@dataclass(frozen=True)
class Purchase:
    """A contract, and when cxcrm is told of it."""

    bought_on: date
    product: str
    terms: dict
    notice: Notice | None
    withdrawn_on: date | None


@dataclass(frozen=True)
class Customer:
    joined_on: date
    brand: str
    manager: str
    details: dict
    people: list[Person]
    purchases: list[Purchase]


def invent_customers(rng: Random, *, first_day: date, today: date) -> list[Customer]:
    """All customers, by the day that they join."""
    days = (today - first_day).days
    known = round(CUSTOMERS * FROM_BEFORE)
    joined = [first_day] * known + sorted(
        first_day + timedelta(days=rng.randint(1, days)) for _ in range(CUSTOMERS - known)
    )
    names: set[str] = set()
    return [
        _Inventor(rng, number, names, joined_on=day, first_day=first_day, today=today).customer()
        for number, day in enumerate(joined, start=1)
    ]


class _Inventor:
    """One customer in the making; `names` are those of the others."""

    def __init__(
        self,
        rng: Random,
        number: int,
        names: set[str],
        *,
        joined_on: date,
        first_day: date,
        today: date,
    ) -> None:
        self.rng = rng
        self.number = number
        self.names = names
        self.joined_on = joined_on
        self.first_day = first_day
        self.today = today
        self.place: Place = rng.choices(PLACES, [place.chance for place in PLACES])[0]
        self.is_business = rng.random() < 0.65
        self.kind = CustomerKind.BUSINESS if self.is_business else CustomerKind.CONSUMER
        self.segment = ""
        if self.is_business:
            [self.segment] = rng.choices(*zip(*SEGMENTS, strict=True))

    def customer(self) -> Customer:
        place = self.place
        name = self.new_name()
        domain = f"{slug(name)}.customers.example" if self.is_business else "customers.example"
        return Customer(
            joined_on=self.joined_on,
            brand=place.brand,
            manager=TEAM_LEAD if self.segment == Segment.LARGE else self.rng.choice(AGENTS),
            details={
                "external_id": f"K{10_000 + self.number}",
                "name": name,
                "customer_kind": self.kind,
                "segment": self.segment,
                "country": place.country,
                "region": place.region,
                "language": place.language,
                "time_zone": place.time_zone,
            },
            people=list(self.people(name, domain)),
            purchases=list(self.purchases()),
        )

    def new_name(self) -> str:
        while True:
            if self.is_business:
                name = company(self.rng, self.place.language, self.place.country)
            else:
                name = person(self.rng, self.place.language)
            if slug(name) not in self.names:
                self.names.add(slug(name))
                return name

    def people(self, name: str, domain: str) -> Iterator[Person]:
        yield self.person(None if self.is_business else name, domain, ContactRole.DECISION_MAKER)
        if self.is_business:
            for role in self.rng.sample(ROLES, self.rng.choices([0, 1, 2, 3], [2, 4, 3, 1])[0]):
                yield self.person(None, domain, role)

    def person(self, name: str | None, domain: str, role: ContactRole) -> Person:
        name = name or person(self.rng, self.place.language)
        local = slug(name).replace("-", ".")
        phone = ""
        if self.place.phone and self.rng.random() < 0.7:
            phone = self.place.phone.format(self.rng.randint(100, 199))
        bounces = self.rng.random() < 0.03
        return Person(
            address=None if self.rng.random() < 0.02 else f"{local}@{domain}",
            details={"name": name, "role": role, "phone": phone},
            bounces_on=self.day_after(self.joined_on) if bounces else None,
        )

    def purchases(self) -> Iterator[Purchase]:
        offers = OFFERS[self.place.brand]
        amount = self.rng.choices([1, 2, 3, 4, 5], [34, 32, 20, 9, 5])[0]
        for number in range(1, amount + 1):
            [offer] = self.rng.choices(offers, [offer.chance for offer in offers])
            bought_on = self.joined_on
            if number > 2 or (number > 1 and self.rng.random() < 0.3):
                bought_on = self.day_after(self.joined_on)
            yield self.purchase(offer, number, bought_on)

    def purchase(self, offer: Offer, number: int, bought_on: date) -> Purchase:
        kind = self.rng.choice(offer.terms)
        first, further, notice = TERMS[kind]
        german_consumer = self.place.country == "DE" and not self.is_business
        if german_consumer and kind in ("yearly", "two_years"):
            further, notice = None, 1
        if self.place.region == "CA" and kind == "yearly":
            notice = 3  # which the Californian window leaves no time for
        starts_on = self.start(bought_on, first, further)
        renewal = next_renewal(starts_on, first, further, bought_on)
        price, renewal_price = self.prices(offer, starts_on, first, bought_on)
        return Purchase(
            bought_on=bought_on,
            product=offer.code,
            terms={
                "external_id": f"V{10_000 + self.number}-{number}",
                "starts_on": starts_on,
                "concluded_on": min(bought_on, starts_on),
                "first_term_months": first,
                "after_term": AfterTerm.RENEWS if further else AfterTerm.OPEN_ENDED,
                "renewal_term_months": further,
                "notice_months": notice,
                "price": price,
                "renewal_price": renewal_price,
                "tax_rate": self.place.tax_rate,
                "currency": self.place.currency,
                "billing_period_months": offer.billing_period_months,
            },
            notice=self.notice(bought_on, renewal, notice, kind),
            withdrawn_on=self.withdrawn(bought_on, starts_on),
        )

    def start(self, bought_on: date, first: int | None, further: int | None) -> date:
        """Within two weeks; of a customer from before, years ago.

        There the next renewal lies two months ahead or more but for a few: those show what
        happens where a reminder comes too late.
        """
        if bought_on > self.first_day:
            return no_month_end(bought_on + timedelta(days=self.rng.randint(0, 14)))
        if first is None or first < 3:
            return no_month_end(bought_on - timedelta(days=self.rng.randint(60, 1_500)))
        soonest = 5 if self.rng.random() < 0.03 else 110 if first > 12 else 62
        renewal = no_month_end(
            bought_on + timedelta(days=self.rng.randint(soonest, soonest + first * 30))
        )
        terms_done = self.rng.randint(0, 3) if further else 0
        return add_months(renewal, -first - terms_done * (further or 0))

    def prices(
        self, offer: Offer, starts_on: date, first: int | None, bought_on: date
    ) -> tuple[int, int | None]:
        price = offer.price * SIZES[self.segment]
        in_first_term = first and add_months(starts_on, first) > bought_on
        if offer.first_price and in_first_term:
            return offer.first_price * SIZES[self.segment], price
        if first and first > 1 and self.rng.random() < 0.06:
            return price, price + max(1, price // 10)
        return price, None

    def notice(
        self, bought_on: date, renewal: date | None, months: int, kind: str
    ) -> Notice | None:
        if self.rng.random() > (0.2 if renewal and kind != "monthly" else 0.1):
            return None
        if renewal is None or kind == "monthly":
            given_on = self.day_after(bought_on + timedelta(days=30))
        else:
            deadline = add_months(renewal, -months) - timedelta(days=1)
            given_on = deadline - timedelta(days=self.rng.randint(0, 70))
        if not bought_on + timedelta(days=15) < given_on <= self.today:
            return None
        stays = self.rng.random() < 0.15
        second_thought = given_on + timedelta(days=self.rng.randint(2, 9))
        [notice_kind] = self.rng.choices(*zip(*NOTICE_KINDS, strict=True))
        return Notice(given_on, notice_kind, second_thought if stays else None)

    def withdrawn(self, bought_on: date, starts_on: date) -> date | None:
        """A few consumers think better of what they bought just now."""
        if self.is_business or starts_on < bought_on or self.rng.random() > 0.05:
            return None
        day = bought_on + timedelta(days=self.rng.randint(1, 10))
        return day if day <= self.today else None

    def day_after(self, day: date) -> date:
        return day + timedelta(days=self.rng.randint(1, max(1, (self.today - day).days)))


def listed(offer: Offer) -> dict:
    """The offer as it stands in the list of products, in euros."""
    first, further, notice = TERMS[offer.terms[0]]
    promotion = {"promotion_price": offer.first_price, "promotion_months": first}
    return {
        "on_offer": True,
        "list_price": offer.price,
        "currency": "EUR",
        "tax_rate": 19 if offer in OFFERS["nordlicht"] else 20,
        "billing_period_months": offer.billing_period_months,
        "first_term_months": first,
        "after_term": AfterTerm.RENEWS if further else AfterTerm.OPEN_ENDED,
        "renewal_term_months": further,
        "notice_months": notice,
        "notice_days": 0,
        "provisioning_hours": 24 if offer.family == "server" else 1,
        **(promotion if offer.first_price else {}),
    }


def add_months(day: date, months: int) -> date:
    """The same day of another month; the caller sees to it that there is one."""
    years, month = divmod(day.month - 1 + months, 12)
    return day.replace(year=day.year + years, month=month + 1)


def no_month_end(day: date) -> date:
    return day.replace(day=min(day.day, 28))


def next_renewal(starts_on: date, first: int | None, further: int | None, day: date) -> date | None:
    """The first day of the next term after `day`; None for contracts without one."""
    if first is None:
        return None
    renewal = add_months(starts_on, first)
    while renewal <= day:
        if further is None:
            return None
        renewal = add_months(renewal, further)
    return renewal
