from datetime import date
from decimal import Decimal

import pytest

from accounts.enums import ImportKind
from accounts.models import Account, Contract
from accounts.services.imports import MappingRefused
from accounts.services.imports.fields import field_table, fields_of
from accounts.services.imports.mapping import load_mapping, shipped_mappings
from tests.accounts.imports.feeds import take_in, write_feed
from tests.servers import REPOSITORY

pytestmark = pytest.mark.django_db

OWN = """
date_format = "%d.%m.%Y"
decimal_comma = true

[fields]
account_number = { column = "Kunde" }
account_name = { template = "Kunde {Kunde} ({Ort})" }
customer_kind = { column = "Art", values = { "P" = "consumer", "F" = "business" } }
country = { value = "DE" }
language = { value = "de" }
time_zone = { value = "Europe/Berlin" }
product_code = { value = "web" }
contract_number = { column = "Vertrag" }
starts_on = { column = "Beginn" }
after_term = { value = "renews" }
first_term_months = { value = 12 }
renewal_term_months = { value = 1 }
price = { column = "Preis" }
currency = { value = "EUR" }
billing_period_months = { value = 1 }
reminded_on = { column = "Erinnert", optional = true }
"""


@pytest.fixture
def own_mapping(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_own_mapping_reads_columns_values_templates_days_and_decimal_commas(
    brand, feed, own_mapping
):
    rows = {"Kunde": "7", "Ort": "Köln", "Art": "P", "Vertrag": "V7"}
    rows |= {"Beginn": "28.02.2026", "Preis": "1234,5"}

    run = take_in(write_feed(feed, rows, delimiter=";"), mapping=str(own_mapping))

    account, contract = Account.objects.get(), Contract.objects.get()
    assert (account.name, account.customer_kind) == ("Kunde 7 (Köln)", "consumer")
    assert contract.starts_on == date(2026, 2, 28)
    assert contract.price == Decimal("1234.50")
    assert run.mapping == str(own_mapping)


def test_own_mapping_refuses_rows_with_values_that_it_does_not_know(brand, feed, own_mapping):
    rows = {"Kunde": "7", "Ort": "", "Art": "X", "Vertrag": "V7"}
    rows |= {"Beginn": "28.02.2026", "Preis": "1.234,50"}

    run = take_in(write_feed(feed, rows, delimiter=";"), mapping=str(own_mapping))

    assert list(run.issues.order_by("field").values_list("field", "reason")) == [
        ("account_name", "is missing"),
        ("customer_kind", "“X” is not in the mapping, which knows P, F"),
        ("price", "“1.234,50” is no number like 1234,50"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('colour = { value = "red" }', "colour: there is no such field"),
        (
            'segment = { column = "A", value = "small" }',
            "segment: say exactly one of column, value, template, choose, derive, "
            "not column, value",
        ),
        (
            "segment = {}",
            "segment: say exactly one of column, value, template, choose, derive, not none",
        ),
        ('segment = "small"', 'segment: write it like { column = "Name" }'),
        (
            'segment = { column = "A", colour = 1 }',
            "segment: colour does not go with column, optional, values",
        ),
        (
            'segment = { value = "huge" }',
            "segment: “huge” is none of micro, small, medium, large",
        ),
        (
            'segment = { column = "A", values = { "1" = "huge" } }',
            "segment: “huge” is none of micro, small, medium, large",
        ),
        ("segment = { value = true }", "segment: “True” must be a text or a number"),
        ('region = { template = "CA" }', "region: the template names no {column}"),
        (
            'ends_on = { derive = "guess" }',
            "ends_on: nobody knows how to derive “guess”; known are start_from_tenure, "
            "day_before_as_of_if",
        ),
        (
            'ends_on = { derive = "day_before_as_of_if", where = "A" }',
            "ends_on: day_before_as_of_if needs equals too",
        ),
        (
            'segment = { derive = "day_before_as_of_if", where = "A", equals = "B" }',
            "segment: only days can be derived",
        ),
    ],
)
def test_mapping_is_refused_with_file_field_and_reason(own_mapping, line, message):
    own_mapping.write_text(f"{OWN}{line}\n", encoding="utf-8")

    with pytest.raises(MappingRefused) as refusal:
        load_mapping(str(own_mapping))

    assert str(refusal.value) == f"{own_mapping}, {message}."


def test_mapping_is_refused_if_a_required_field_is_missing_or_optional(own_mapping):
    own_mapping.write_text(OWN.replace('price = { column = "Preis" }', ""), encoding="utf-8")
    with pytest.raises(MappingRefused, match="price: it is required, and nothing is mapped to it"):
        load_mapping(str(own_mapping))

    optional = 'price = { column = "Preis", optional = true }'
    own_mapping.write_text(OWN.replace('price = { column = "Preis" }', optional), encoding="utf-8")
    with pytest.raises(MappingRefused, match="price: it is required, so its column cannot be opt"):
        load_mapping(str(own_mapping))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("fields = 1", "it has no table"),
        ("[fields", "is no TOML"),
        ("colour = 1\n[fields]", "nobody knows the setting colour"),
        ('date_format = "%d.%m."\n[fields]', "date_format “%d.%m.” does not say year, month and"),
        ("date_format = 1\n[fields]", "date_format must be a text"),
        ("decimal_comma = 1\n[fields]", "decimal_comma must be true or false"),
    ],
)
def test_mapping_is_refused_if_its_form_is_wrong(own_mapping, content, message):
    own_mapping.write_text(content, encoding="utf-8")

    with pytest.raises(MappingRefused, match=message):
        load_mapping(str(own_mapping))


def test_mapping_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(MappingRefused) as refusal:
        load_mapping("tele")

    assert str(refusal.value) == (
        "There is no mapping “tele”: say ravenstack_accounts, ravenstack_churn_events, "
        "ravenstack_subscriptions, standard, standard_accounts, standard_cancellations, "
        "standard_contacts, standard_products, telco or the path of a TOML file."
    )


def test_every_shipped_mapping_loads():
    kinds = {name: load_mapping(name).kind for name in shipped_mappings()}

    assert kinds == {
        "ravenstack_accounts": "accounts",
        "ravenstack_churn_events": "cancellations",
        "ravenstack_subscriptions": "contracts",
        "standard": "contracts",
        "standard_accounts": "accounts",
        "standard_cancellations": "cancellations",
        "standard_contacts": "contacts",
        "standard_products": "products",
        "telco": "contracts",
    }


@pytest.mark.parametrize("kind", ImportKind)
def test_standard_mappings_know_every_field_by_its_own_name(kind):
    name = "standard" if kind == ImportKind.CONTRACTS else f"standard_{kind}"
    sources = load_mapping(name).sources

    assert [(name, source.column) for name, source in sources.items()] == [
        (name, name) for name in fields_of(kind)
    ]


@pytest.mark.parametrize("kind", ImportKind)
def test_fields_are_documented_as_they_are(kind):
    assert field_table(kind) in (REPOSITORY / "docs" / "importing.md").read_text(encoding="utf-8")
