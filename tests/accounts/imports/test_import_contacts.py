"""Which contact a row means: by number, else by address, else by name."""

import pytest

from accounts.models import Contact
from tests.accounts.imports.feeds import row

pytestmark = pytest.mark.django_db

WITHOUT_NUMBER = {"contact_number": ""}
NAME_ALONE = WITHOUT_NUMBER | {
    "contact_address": "",
    "newsletter_basis": "",
    "newsletter_source": "",
    "newsletter_since": "",
}


def contacts() -> list[tuple]:
    rows = Contact.objects.order_by("pk")
    return list(rows.values_list("external_id", "name", "address__address", "phone"))


@pytest.mark.parametrize("without", [WITHOUT_NUMBER, NAME_ALONE])
def test_row_without_a_number_means_the_contact_that_has_one(take_in_rows, without):
    take_in_rows(row())

    run = take_in_rows(row(**without, contact_phone="+49 721 999999"))
    again = take_in_rows(row(**without, contact_phone="+49 721 999999"))

    assert contacts() == [("P1", "Berta Brot", "berta@brot.example", "+49721999999")]
    assert run.counts["contacts"] == {"added": 0, "changed": 1, "unchanged": 0}
    assert again.counts["contacts"] == {"added": 0, "changed": 0, "unchanged": 1}


@pytest.mark.parametrize("without", [WITHOUT_NUMBER, NAME_ALONE])
def test_rows_of_one_feed_with_and_without_a_number_are_one_contact(take_in_rows, without):
    rows = [row(**without, contact_phone=""), row(contract_number="V2")]

    run = take_in_rows(*rows)
    again = take_in_rows(*rows)

    assert contacts() == [("P1", "Berta Brot", "berta@brot.example", "+49721123456")]
    assert run.counts["contacts"] == {"added": 1, "changed": 0, "unchanged": 0}
    assert again.counts["contacts"] == {"added": 0, "changed": 0, "unchanged": 1}


def test_another_address_without_a_number_is_another_person(take_in_rows):
    take_in_rows(row())

    take_in_rows(row(**WITHOUT_NUMBER, contact_address="info@brot.example"))

    assert [(number, address) for number, _name, address, _phone in contacts()] == [
        ("P1", "berta@brot.example"),
        ("", "info@brot.example"),
    ]
