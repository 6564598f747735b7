import pytest

from accounts.models import Account, Contract, Product
from tests.accounts.imports.feeds import issues, row

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        ("account_number", "", "is missing"),
        ("account_name", "x" * 201, "is longer than 200 characters"),
        ("account_name", "two\nlines", "holds a line break or another control character"),
        ("customer_kind", "=cmd|'/c calc'!A1", "“=cmd|'/c calc'!A1” is none of consumer, business"),
        ("country", "Germany", "“Germany” is no country code like DE"),
        ("region", "Baden", "“Baden” is no region code like CA"),
        ("language", "it", "“it” is none of en, de, fr, es"),
        ("time_zone", "Berlin", "“Berlin” is no time zone like Europe/Berlin"),
        ("contact_address", "berta", "“berta” is no mail address"),
        ("contact_phone", "0721", "“0721” is no international number like +49721123456"),
        ("starts_on", "31.01.2026", "“31.01.2026” is no day of the form 2026-12-31"),
        ("starts_on", "2026-02-30", "“2026-02-30” is no day of the form 2026-12-31"),
        ("starts_on", "0026-02-03", "“0026-02-03” does not lie between 1900 and 2199"),
        ("ends_on", "2026-01-14", "lies before the start, 2026-01-15"),
        ("first_term_months", "", "is missing, and the contract renews"),
        ("renewal_term_months", "121", "“121” does not lie between 1 and 120"),
        ("notice_months", "1.5", "“1.5” is no whole number"),
        ("price", "9,90", "“9,90” is no number like 1234.50"),
        ("price", "1.234.50", "“1.234.50” is no number like 1234.50"),
        ("price", "-1", "“-1” does not lie between 0 and 10000000000"),
        ("price", "0.125", "“0.125” has more than two decimals"),
        ("tax_rate", "100", "“100” does not lie between 0 and 100"),
        ("currency", "€", "“€” is no currency code like EUR"),
        ("reminded_on", "2026-06-02", "lies after 2026-06-01"),
        ("contact_name", "", "is missing, and there is a contact_number"),
        ("newsletter_basis", "guess", "“guess” is none of consent, existing_customer"),
        ("newsletter_source", "", "is missing, and there is a newsletter_basis"),
        ("newsletter_since", "last year", "“last year” is no day of the form 2026-12-31"),
        ("newsletter_since", "0001-01-01", "“0001-01-01” does not lie between 1900 and 2199"),
        ("newsletter_since", "2200-01-01", "“2200-01-01” does not lie between 1900 and 2199"),
        (
            "newsletter_since",
            "2026-01-31T00:00+18:00",
            "“2026-01-31T00:00+18:00” has an offset from UTC that no place has",
        ),
        (
            "newsletter_since",
            "2026-01-31T00:00+01:00:30.5",
            "“2026-01-31T00:00+01:00:30.5” has an offset from UTC that no place has",
        ),
        ("newsletter_since", "2026-06-02", "lies after 2026-06-01"),
        ("newsletter_since", "2026-06-02T12:00:00Z", "lies after 2026-06-01"),
    ],
)
def test_import_names_line_field_and_reason_and_takes_the_rest(take_in_rows, field, text, reason):
    bad = row(account_number="K2", contact_number="P2", contract_number="V2") | {field: text}

    run = take_in_rows(row(), bad)

    # A cell with a line break takes two lines; the first counts.
    assert issues(run) == [(3, field, reason)]
    assert (run.rows_read, run.rows_refused) == (2, 1)
    assert list(Contract.objects.values_list("external_id", flat=True)) == ["V1"]
    assert list(Account.objects.values_list("external_id", flat=True)) == ["K1"]


@pytest.mark.parametrize("since", ["2026-06-01T23:59:59", "2026-06-02T03:00:00Z"])
def test_permission_may_be_given_until_the_as_of_date_ends(take_in_rows, since):
    """The second is still the first of June in California."""
    run = take_in_rows(row(newsletter_since=since))

    assert issues(run) == []
    assert run.counts["permissions"]["added"] == 1


def test_import_names_every_bad_field_of_a_row(take_in_rows):
    run = take_in_rows(row(price="?", currency="?"))

    assert issues(run) == [
        (2, "currency", "“?” is no currency code like EUR"),
        (2, "price", "“?” is no number like 1234.50"),
    ]
    assert run.rows_refused == 1


def test_import_refuses_a_permission_without_an_address(take_in_rows):
    run = take_in_rows(row(contact_address=""))

    assert issues(run) == [(2, "newsletter_basis", "belongs to a mail address, and there is none")]


def test_import_refuses_an_open_ended_contract_with_further_terms(take_in_rows):
    run = take_in_rows(
        row(after_term="open_ended"),
        row(contract_number="V2", after_term="open_ended", renewal_term_months=""),
    )

    reason = "must be empty, as the contract does not renew"
    assert issues(run) == [(2, "renewal_term_months", reason)]
    assert Contract.objects.get().renewal_term_months is None


def test_import_refuses_the_second_row_of_a_contract(take_in_rows):
    run = take_in_rows(row(), row(price="1.00"), row(price="2.00"))

    assert issues(run) == [
        (3, "contract_number", "stands in line 2 already"),
        (4, "contract_number", "stands in line 2 already"),
    ]
    assert str(Contract.objects.get().price) == "9.90"


def test_import_refuses_rows_that_contradict_an_earlier_one(take_in_rows):
    run = take_in_rows(
        row(),
        row(contract_number="V2", account_name="Another", region=""),
        row(contract_number="V3", product_name="Another"),
        row(contract_number="V4", contact_role="technical"),
        row(contract_number="V5"),
    )

    assert issues(run) == [
        (3, "account_name", "differs from line 2, which has the same account number"),
        (3, "region", "differs from line 2, which has the same account number"),
        (4, "product_name", "differs from line 2, which has the same product code"),
        (5, "contact_role", "differs from line 2, which has the same contact"),
    ]
    assert list(Contract.objects.order_by("id").values_list("external_id", flat=True)) == [
        "V1",
        "V5",
    ]
    assert Product.objects.get().name == "Web S"


def test_import_refuses_a_start_after_the_end_that_the_contract_has(take_in_rows):
    take_in_rows(row(ends_on="2026-12-31"))
    without_end = row(starts_on="2027-01-01")
    del without_end["ends_on"]

    run = take_in_rows(without_end)

    reason = "lies after the last day that the contract has, 2026-12-31"
    assert issues(run) == [(2, "starts_on", reason)]


def test_import_refuses_a_row_of_an_unknown_brand(take_in_rows):
    run = take_in_rows(row(brand="web"), row(brand="wab", contract_number="V2"), brand=None)

    assert issues(run) == [(3, "brand", "there is no brand “wab”; there are web")]


def test_import_refuses_a_row_with_too_few_or_too_long_cells(take_in_text):
    header = ",".join(row())
    good = ",".join(row().values())
    run = take_in_text(f"{header}\nK1,too,short\n{good}x{'y' * 1_000_000}\n{good}\n")

    assert issues(run) == [
        (2, "", "has 3 cells, the header has 35"),
        (3, "", "a cell is longer than 10 kB"),
    ]
    assert Contract.objects.count() == 1


def test_import_refuses_a_row_with_broken_quotation_marks(take_in_text):
    header = ",".join(row())
    broken = ",".join(row(account_name='"Brot" GmbH', contract_number="V2").values())
    good = ",".join(row().values())

    run = take_in_text(f"{header}\n{broken}\n{good}\n")

    [(line, field, reason)] = issues(run)
    assert (line, field) == (2, "")
    assert reason.startswith("the quotation marks do not match")
    assert Contract.objects.get().external_id == "V1"
