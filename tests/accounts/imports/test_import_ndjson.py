import gzip
import json
from decimal import Decimal

import pytest

from accounts.models import Account, Contract
from accounts.services.imports import FeedRefused, read_sample
from tests.accounts.imports.feeds import issues, row, take_in

pytestmark = pytest.mark.django_db

TYPED = {"price": 9.90, "first_term_months": 12, "renewal_price": None, "is_trial": False}


def lines(*rows: dict) -> str:
    return "".join(json.dumps(a_row, ensure_ascii=False) + "\n" for a_row in rows)


def test_ndjson_comes_in_like_csv(take_in_text):
    run = take_in_text(lines(row() | TYPED, row(contract_number="V2", is_trial="yes")))

    assert issues(run) == []
    first, second = Contract.objects.order_by("external_id")
    assert (first.price, first.renewal_price, first.is_trial) == (Decimal("9.90"), None, False)
    assert (second.renewal_price, second.is_trial) == (Decimal("12.50"), True)
    assert first.account.name == "Bäckerei Brot GmbH"


def test_ndjson_is_known_by_its_content_packed_or_not(brand, tmp_path):
    feed = tmp_path / "feed.csv"
    feed.write_bytes(gzip.compress(b"\xef\xbb\xbf\n" + lines(row()).encode()))

    assert take_in(feed).counts["contracts"]["added"] == 1


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ("0.30", "0.30"),
        ("1e2", "100.00"),
        ("1000e-0002", "10.00"),
        ("12", "12.00"),
        ("1234567890.12", "1234567890.12"),
    ],
)
def test_ndjson_numbers_are_exact(take_in_text, written, price):
    take_in_text(lines(row(price="PRICE")).replace('"PRICE"', written))

    assert str(Contract.objects.get().price) == price


def test_ndjson_number_suits_a_mapping_with_decimal_comma(take_in_text):
    sources = {name: {"column": name} for name in row()}
    mapping = {"decimal_comma": True, "fields": sources}

    take_in_text(lines(row(tax_rate="19,00", renewal_price="") | {"price": 9.9}), mapping=mapping)

    assert Contract.objects.get().price == Decimal("9.90")


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ('{"price": {"net": 1}}', "“price” holds values inside of a value"),
        ('{"price": [1]}', "“price” holds values inside of a value"),
        ("[1, 2]", "is no JSON object like {…}"),
        ('{"price": 1', "is no JSON, from character 12 on: one object per line is needed"),
        ('{"price": 1, "price": 2}', "says a key twice"),
        ('{"price": NaN}', "“NaN” is no number"),
        ('{"price": 1e41}', "“1e41” is a number with too large an exponent"),
        ('{"price": 1E-00041}', "“1E-00041” is a number with too large an exponent"),
        ('{"price": 1e30000000}', "“1e30000000” is a number with too large an exponent"),
        (
            '{"price": 1e99999999999999999999}',
            "“1e99999999999999999999” is a number with too large an exponent",
        ),
        ('{"pri\\u0000ce": 1}', "the name of a value holds a NUL character"),
        ('{"pri\\ud83dce": 1}', "the name of a value holds half of a character"),
        ('{"price": "\\u0000"}', "holds a NUL character"),
        ('{"price": "\\ud83d"}', "holds half of a character"),
        ('{"price": "%s"}' % ("x" * 1_000_000), "a cell is longer than 10 kB"),
        ("[" * 100_000, "holds values inside of values"),
    ],
    ids=[
        "object",
        "list",
        "no object",
        "cut",
        "twice",
        "NaN",
        "large exponent",
        "small exponent",
        "huge exponent",
        "exponent without end",
        "NUL in a name",
        "half in a name",
        "NUL",
        "half",
        "1 MB",
        "deep",
    ],
)
def test_ndjson_refuses_a_line_as_a_whole_and_takes_the_rest(take_in_text, bad, fault):
    run = take_in_text(f"{lines(row())}\n{bad}\n{lines(row(contract_number='V2'))}")

    assert issues(run) == [(3, "", fault)]
    assert (run.rows_read, run.rows_refused) == (3, 1)
    assert Contract.objects.count() == 2


def test_ndjson_columns_are_the_keys_of_all_lines(take_in_text, feed):
    a_row = {name: value for name, value in row().items() if name != "segment"}
    take_in_text(lines(a_row, row(account_number="K2", contact_number="", contract_number="V2")))

    assert read_sample(file=feed).header == [*a_row, "segment"]
    segments = dict(Account.objects.values_list("external_id", "segment"))
    assert segments == {"K1": "", "K2": "small"}


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b'[{"price": 1}]', 1, "The file is one JSON list: one object per line is needed."),
        (b'{"price": "\xe4"}', 1, "line 1, byte 12 is no UTF-8: save the file as UTF-8"),
        (b'{"price": 1}\n{"price": "\0"}', 2, "line 2 holds a NUL byte: the file is no text in"),
        (b"{}\n{}\n", 1, "line 1 is empty: a header is needed there"),
        (b'{}\n{"a\\u0000b": 1}\n', 2, "line 2 the name of a value holds a NUL character"),
        (b'{"price": 1}\n' + b" " * 17_000_000, 2, "line 2 is longer than 16 MB"),
    ],
    ids=["list", "latin-1", "NUL", "no keys", "no good key", "16 MB"],
)
def test_ndjson_refuses_a_file_that_it_cannot_read(take_in_text, content, line, message):
    with pytest.raises(FeedRefused) as refusal:
        take_in_text(content)

    assert str(refusal.value).startswith(message)
    assert refusal.value.line == line
