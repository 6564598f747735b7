"""Made-up customers, row by row: the same seed gives the same rows, in little memory.

Rows are tuples in the order of the `*_COLUMNS`; ids count from 1.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import NamedTuple

CONTRACTS = 8_450_000
ACCOUNTS = 5_500_000
CONTACTS = 6_500_000
PRODUCTS = 40
STAFF = 40


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ACCOUNT_COLUMNS = _words(
    "id brand_id external_id name customer_kind segment country region language time_zone "
    "account_manager_id created_at"
)
ADDRESS_COLUMNS = _words("id address bounced_at bounce_reason")
CONTACT_COLUMNS = _words("id account_id external_id name role address_id phone language")
PRODUCT_COLUMNS = _words("id brand_id code name family")
CONTRACT_COLUMNS = _words(
    "id brand_id account_id product_id external_id state concluded_on starts_on first_term_months "
    "after_term renewal_term_months notice_months notice_days ends_on price renewal_price "
    "tax_rate currency billing_period_months"
)

FAMILIES = ("hosting", "domain", "mail", "server", "website")
TRADES = _words(
    "Bakery Bookshop Brewery Carpentry Ceramics Florist Joinery Letterpress Opticians Photography "
    "Physiotherapy Pottery Tailoring Translations Upholstery Vineyard"
)
FIRST_NAMES = _words(
    "Ainhoa Anke Bastian Capucine Darcy Eike Elowen Fergus Gesa Imogen Itziar Jannis Keira Leire "
    "Loïc Maëlys Nerys Ole Rémi Saúl Solène Tamsin Thies Yago"
)
SYLLABLES = _words(
    "bal ber bru cam dor eck fal gar hol ist kam lor mar mon nes ost pel quin rau sel tan ulm ver "
    "wald zin"
)
# Country, region, language, time zone, tax rate, currency, how many of a hundred.
PLACES = (
    ("DE", "", "de", "Europe/Berlin", "19.00", "EUR", 58),
    ("GB", "", "en", "Europe/London", "20.00", "GBP", 12),
    ("ES", "", "es", "Europe/Madrid", "21.00", "EUR", 11),
    ("FR", "", "fr", "Europe/Paris", "20.00", "EUR", 9),
    ("AT", "", "de", "Europe/Vienna", "20.00", "EUR", 6),
    ("US", "CA", "en", "America/Los_Angeles", "0.00", "USD", 4),
)
EXCHANGE_RATES = (("GBP", "1.15"), ("USD", "0.90"))
PLACE_OF_HUNDREDTH = [place[:-1] for place in PLACES for _ in range(place[-1])]


class Terms(NamedTuple):
    """First term, what comes after it, further terms, notice in months and days."""

    first_term_months: int | None
    after_term: str
    renewal_term_months: int | None
    notice_months: int
    notice_days: int


YEARLY = Terms(12, "renews", 12, 1, 0)
TWO_YEARLY = Terms(24, "renews", 24, 3, 0)
TURNS_OPEN_ENDED = Terms(24, "open_ended", None, 1, 0)
OPEN_ENDED = Terms(None, "open_ended", None, 1, 0)
ROLLING = Terms(1, "renews", 1, 0, 7)
TERMS = (YEARLY, TWO_YEARLY, TURNS_OPEN_ENDED, OPEN_ENDED, ROLLING)
TERMS_WEIGHTS = (64, 10, 4, 8, 14)
OLDEST_CONTRACT_DAYS = 3_300


def scaled(number: int, scale: float) -> int:
    return max(round(number * scale), 1)


def products() -> Iterator[tuple]:
    for number in range(1, PRODUCTS + 1):
        family = FAMILIES[number % len(FAMILIES)]
        brand = 1 + number % 2
        yield number, brand, f"P{number:03}", f"{family.title()} {number}", family


def accounts(*, scale: float, seed: int, day: date) -> Iterator[tuple]:
    rng = Random(f"accounts {seed}")
    added = datetime(day.year - 9, 1, 1, tzinfo=UTC)
    for number in range(1, scaled(ACCOUNTS, scale) + 1):
        country, region, language, time_zone, _tax, _currency = _place(number)
        business = rng.random() < 0.6
        name = f"{rng.choice(TRADES)} {_surname(rng)}" if business else _person(rng)
        yield (
            number,
            1 + number % 2,
            f"A{number:08}",
            name,
            "business" if business else "consumer",
            rng.choice(("micro", "micro", "small", "medium", "")) if business else "",
            country,
            region,
            language,
            time_zone,
            rng.randint(1, STAFF) if rng.random() < 0.05 else None,
            added + timedelta(minutes=number % 4_000_000),
        )


def contacts(*, scale: float, seed: int, day: date) -> Iterator[tuple[tuple, tuple | None]]:
    """Each contact with the row of its address: everybody has one contact, some have more."""
    rng = Random(f"contacts {seed}")
    of_first = scaled(ACCOUNTS, scale)
    bounced = datetime(day.year, 1, 1, tzinfo=UTC)
    for number in range(1, max(scaled(CONTACTS, scale), of_first) + 1):
        first = number <= of_first
        name = _person(rng)
        address = None
        if rng.random() < 0.99:
            local = name.lower().replace(" ", ".")
            dead = rng.random() < 0.005
            address = (
                number,
                f"{local}.{number}@customers.example",
                bounced if dead else None,
                "550 no such user" if dead else "",
            )
        contact = (
            number,
            number if first else rng.randint(1, of_first),
            f"K{number:08}",
            name,
            rng.choices(
                ("decision_maker", "billing", "technical", "end_user"),
                (70, 15, 0, 15) if first else (10, 40, 30, 20),
            )[0],
            address and number,
            "",
            "",
        )
        yield contact, address


def contracts(*, scale: float, seed: int, day: date) -> Iterator[tuple]:
    """On the morning of `day`: what starts, ends or renews on it has not done so yet."""
    rng = Random(f"contracts {seed}")
    number_of_accounts = scaled(ACCOUNTS, scale)
    for number in range(1, scaled(CONTRACTS, scale) + 1):
        account = rng.randint(1, number_of_accounts)
        brand = 1 + account % 2
        *_, tax_rate, currency = _place(account)
        terms = rng.choices(TERMS, TERMS_WEIGHTS)[0]
        state, starts_on, ends_on = _life(rng, day)
        price = rng.choice(("3.00", "6.00", "9.00", "12.00", "25.00", "60.00"))
        yield (
            number,
            brand,
            account,
            rng.randrange(3 - brand, PRODUCTS + 1, 2),
            f"C{number:08}",
            state,
            starts_on - timedelta(days=2),
            starts_on,
            terms.first_term_months,
            terms.after_term,
            terms.renewal_term_months,
            terms.notice_months,
            terms.notice_days,
            ends_on,
            price,
            f"{float(price) + 1:.2f}" if rng.random() < 0.1 else None,
            tax_rate,
            currency,
            1 if terms is ROLLING else rng.choice((1, 12)),
        )


def _life(rng: Random, day: date) -> tuple[str, date, date | None]:
    """State, first day and last day: of a hundred 8 ended, 3 under notice, 1 not begun."""
    starts_on = day - timedelta(days=rng.randint(1, OLDEST_CONTRACT_DAYS))
    lot = rng.random()
    if lot < 0.01:
        return "ordered", day + timedelta(days=rng.randrange(30)), None
    if lot < 0.04:
        return "running", starts_on, day + timedelta(days=rng.randrange(-1, 364))
    if lot < 0.12:
        return "ended", starts_on, max(starts_on, day - timedelta(days=rng.randint(2, 1_000)))
    return "running", starts_on, None


def _place(account: int) -> tuple[str, str, str, str, str, str]:
    """Where an account is at home: a hash of its number, since its contracts ask for it too."""
    return PLACE_OF_HUNDREDTH[(account * 2_654_435_761 % 2**32) * 100 >> 32]


def _person(rng: Random) -> str:
    return f"{rng.choice(FIRST_NAMES)} {_surname(rng)}"


def _surname(rng: Random) -> str:
    return "".join(rng.choices(SYLLABLES, k=3)).title()
