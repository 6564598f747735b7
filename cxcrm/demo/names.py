"""Invented people and companies, made from `words.toml`."""

import tomllib
import unicodedata
from pathlib import Path
from random import Random

WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))

LEGAL_FORMS = {
    ("DE", "de"): ["", "", "GmbH", "GbR", "e. K."],
    ("AT", "de"): ["", "", "GmbH", "e.U."],
    ("CH", "de"): ["", "GmbH", "AG"],
    ("CH", "fr"): ["", "Sàrl"],
    ("FR", "fr"): ["", "", "SARL", "SAS"],
    ("BE", "fr"): ["", "SRL"],
    ("ES", "es"): ["", "", "S.L."],
    ("GB", "en"): ["", "", "Ltd"],
    ("US", "en"): ["", "LLC", "Inc."],
}


def person(rng: Random, language: str) -> str:
    first = rng.choice(WORDS["first_names"][language])
    return f"{first} {rng.choice(WORDS['last_names'][language])}"


def company(rng: Random, language: str, country: str) -> str:
    """Like "Bäckerei Morgenrot GmbH" or "Kingfisher Bookshop Ltd"."""
    trade = rng.choice(WORDS["trades"][language])
    epithet = rng.choice(WORDS["epithets"][language] + WORDS["last_names"][language][:8])
    words = [epithet, trade] if language == "en" else [trade, epithet]
    return " ".join([*words, rng.choice(LEGAL_FORMS[country, language])]).strip()


def slug(text: str) -> str:
    """The text as part of an address: plain lower-case letters, hyphens between words."""
    text = text.lower()
    for umlaut, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(umlaut, plain)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "-".join("".join(c if c.isalnum() else " " for c in plain).split())
