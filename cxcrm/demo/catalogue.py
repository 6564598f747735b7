"""The two brands of the demo company, what they sell, who works there and where customers live."""

from dataclasses import dataclass

from accounts.enums import Segment
from cxcrm.users.enums import Role

BRANDS = {
    "nordlicht": {
        "name": "Nordlicht Hosting",
        "legal_name": "Nordlicht Hosting GmbH",
        "imprint": (
            "Erfunden, Teil einer Vorführung\n"
            "Leuchtturmweg 0, 00000 Musterhafen\n"
            "Registergericht Musterhafen, HRB 000000"
        ),
        "base_url": "https://www.nordlicht-hosting.example",
        "sender_name": "Nordlicht Hosting",
        "sender_address": "vertrag@nordlicht-hosting.example",
        "service_address": "service@nordlicht-hosting.example",
        "service_phone": "+49 30 23125 000",
        "accent_colour": "#0b5f8a",
    },
    "ardoise": {
        "name": "Ardoise Web",
        "legal_name": "Ardoise Web SAS",
        "imprint": (
            "Inventée pour une démonstration\n"
            "0 rue du Modèle, 00000 Villexemple\n"
            "RCS Villexemple 000 000 000"
        ),
        "base_url": "https://www.ardoise-web.example",
        "sender_name": "Ardoise Web",
        "sender_address": "contrats@ardoise-web.example",
        "service_address": "service@ardoise-web.example",
        "service_phone": "+33 1 99 00 00 00",
        "accent_colour": "#7a3e1d",
    },
}


@dataclass(frozen=True)
class Offer:
    """A product with its net prices in whole units, the same number in each currency.

    `first_price` is what a first term costs, where that is less. `chance` weighs how often it is
    bought; `terms` are names of `customers.TERMS`.
    """

    code: str
    name: str
    family: str
    price: int
    billing_period_months: int
    terms: tuple[str, ...]
    chance: int
    first_price: int | None = None


OFFERS = {
    "nordlicht": [
        Offer("web-s", "Webhosting Polar S", "hosting", 6, 1, ("yearly", "two_years"), 22, 3),
        Offer("web-l", "Webhosting Polar L", "hosting", 14, 1, ("yearly", "two_years"), 14),
        Offer("domain", "Domain", "domain", 18, 12, ("yearly",), 26),
        Offer("mail", "Mailpostfach Pro", "mail", 4, 1, ("yearly", "monthly"), 16),
        Offer("server", "Server Aurora", "server", 49, 1, ("monthly", "open_ended"), 8),
        Offer("site", "Homepage-Baukasten Fjord", "website builder", 12, 1, ("yearly",), 14, 6),
    ],
    "ardoise": [
        Offer("heberg", "Hébergement Toit", "hosting", 8, 1, ("yearly", "two_years"), 30, 4),
        Offer("domaine", "Nom de domaine", "domain", 16, 12, ("yearly",), 28),
        Offer("messagerie", "Messagerie Pro", "mail", 5, 1, ("yearly", "monthly"), 18),
        Offer("serveur", "Serveur Faîtage", "server", 59, 1, ("monthly", "open_ended"), 10),
        Offer("site", "Site Facile", "website builder", 11, 1, ("yearly",), 14),
    ],
}


@dataclass(frozen=True)
class Place:
    """Where a customer lives; `phone` is a range that is kept free for fiction, where one is."""

    country: str
    region: str
    time_zone: str
    language: str
    currency: str
    tax_rate: str
    brand: str
    chance: int
    phone: str = ""


PLACES = [
    Place("DE", "", "Europe/Berlin", "de", "EUR", "19", "nordlicht", 112, "+493023125{:03}"),
    Place("AT", "", "Europe/Vienna", "de", "EUR", "20", "nordlicht", 26),
    Place("CH", "ZH", "Europe/Zurich", "de", "CHF", "8.1", "nordlicht", 20),
    Place("CH", "VD", "Europe/Zurich", "fr", "CHF", "8.1", "ardoise", 10),
    Place("FR", "", "Europe/Paris", "fr", "EUR", "20", "ardoise", 64, "+33199000{:03}"),
    Place("BE", "", "Europe/Brussels", "fr", "EUR", "21", "ardoise", 20),
    Place("ES", "", "Europe/Madrid", "es", "EUR", "21", "ardoise", 20),
    Place("GB", "", "Europe/London", "en", "GBP", "20", "nordlicht", 16, "+442079460{:03}"),
    Place("US", "CA", "America/Los_Angeles", "en", "USD", "0", "nordlicht", 10, "+14155550{:03}"),
    Place("US", "NY", "America/New_York", "en", "USD", "0", "nordlicht", 7, "+12125550{:03}"),
]

# What one unit was worth in euros when the company began to work with cxcrm.
EXCHANGE_RATES = {"CHF": "1.06", "GBP": "1.15", "USD": "0.92"}

AGENTS = ["merle@demo.invalid", "tanguy@demo.invalid", "jago@demo.invalid"]
TEAM_LEAD = "birte@demo.invalid"
CX_MANAGER = "ximena@demo.invalid"
ADMINISTRATOR = "rowan@demo.invalid"
STAFF = {
    AGENTS[0]: ("Merle Nebelthau", Role.AGENT),
    AGENTS[1]: ("Tanguy Merlevent", Role.AGENT),
    AGENTS[2]: ("Jago Quillbrook", Role.AGENT),
    TEAM_LEAD: ("Birte Otterbeck", Role.TEAM_LEAD),
    CX_MANAGER: ("Ximena Olivaluz", Role.CX_MANAGER),
    ADMINISTRATOR: ("Rowan Ashenmoor", Role.ADMINISTRATOR),
}

SEGMENTS = [(Segment.MICRO, 50), (Segment.SMALL, 34), (Segment.MEDIUM, 13), (Segment.LARGE, 3)]

# What customers call about, and what came of it.
CALLS = [
    ("Call back: move of the website from another hoster", "Moved together on the phone."),
    ("Explain the last invoice", "Explained line by line; the customer was content."),
    ("Help with spam filter settings", "Filter set, checked again after a week."),
    ("Check whether the server is large enough", "It is; looked at the load together."),
    ("Send the data processing agreement", "Sent and signed."),
    ("Ask how the new website is doing", "Going well; wants a second domain next spring."),
    ("Change the bank account for direct debit", "Changed; confirmed by mail."),
    ("Certificate warning reported on the shop page", "Certificate renewed, warning gone."),
]
