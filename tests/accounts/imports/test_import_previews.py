from datetime import date

import pytest

from accounts.models import Account, ImportMapping, ImportRun
from accounts.services.imports import (
    BrandUnknown,
    FeedRefused,
    FeedSample,
    MappingRefused,
    fields_of,
    load_mapping,
    parse_mapping,
    preview_feed,
    previews,
    read_sample,
)
from tests.accounts.imports.feeds import AS_OF, AT, issues, row, take_in, write_feed

pytestmark = pytest.mark.django_db

CONTENT = {
    "kind": "products",
    "fields": {
        "product_code": {"column": "Code"},
        "list_price": {"choose": "Pays", "cases": {"m": "Monthly", "a": "Annual"}},
        "on_offer": {"value": False},
    },
}
PRODUCTS = "Code;Pays;Monthly;Annual\nweb;m;10.00;100.00\nmail;a;5.00;50.00\ndomain;x;1;2\n"


@pytest.fixture
def products(feed):
    feed.write_text(PRODUCTS, encoding="utf-8")
    return feed


def preview(feed, **options):
    settings = {"mapping": CONTENT, "as_of": AS_OF, "brand": "web"}
    return preview_feed(file=feed, **settings | options)


def test_sample_shows_columns_and_first_cells(products):
    assert read_sample(file=products, rows=1) == FeedSample(
        ["Code", "Pays", "Monthly", "Annual"], [["web", "m", "10.00", "100.00"]]
    )


def test_sample_ends_with_what_it_may_read_pass_over_or_keep(feed, monkeypatch):
    monkeypatch.setattr(previews, "MOST_REFUSED", 2)
    monkeypatch.setattr(previews, "MOST_KEPT", 100)

    def sampled(text: str) -> list[list[str]]:
        feed.write_text(text, encoding="utf-8")
        return read_sample(file=feed, rows=3).rows

    good, bad = "1,2\n", "1,2,3\n"
    assert sampled("a,b\n" + good * 9) == [["1", "2"]] * 3
    assert sampled("a,b\n" + good + bad * 4 + good) == [["1", "2"]]
    assert sampled("a,b\n" + good + f"{'x' * 100},1\n" + good) == [["1", "2"]]
    monkeypatch.setattr(previews, "MOST_READ", 10)
    assert sampled("a,b\n" + good * 9) == [["1", "2"]]
    assert sampled('{"a":"1"}\n{"b":"2"}\n') == [["1"]]


def test_preview_shows_rows_as_they_would_come_in(brand, products):
    shown = preview(products)

    assert (shown.kind, shown.header) == ("products", ["Code", "Pays", "Monthly", "Annual"])
    assert [(a_row.line, a_row.values, a_row.problems) for a_row in shown.rows] == [
        (2, {"product_code": "web", "list_price": "10.00", "on_offer": "no"}, {}),
        (3, {"product_code": "mail", "list_price": "50.00", "on_offer": "no"}, {}),
        (
            4,
            {"product_code": "domain", "on_offer": "no"},
            {"list_price": "“x” in Pays is not in the mapping, which knows m, a"},
        ),
    ]
    assert ImportRun.objects.count() == 0


def test_preview_holds_products_to_the_rule_of_offers(brand, products):
    on_offer = {"fields": CONTENT["fields"] | {"on_offer": {"value": True}}}

    first = preview(products, mapping=CONTENT | on_offer).rows[0]

    assert first.values == {"product_code": "web", "list_price": "10.00", "on_offer": "yes"}
    assert first.problems["tax_rate"] == "A product on offer needs its tax; 0 where there is none."


def test_preview_ends_after_the_rows_that_are_asked_for_and_names_bad_rows(brand, feed):
    feed.write_text("Code;Pays;Monthly;Annual\nweb;m\nmail;a;1;2\nx;a;1;2\n", encoding="utf-8")

    shown = preview(feed, rows=2)

    assert [a_row.problems for a_row in shown.rows] == [{"": "has 2 cells, the header has 4"}, {}]


def test_preview_shows_codes_and_days(brand, feed):
    write_feed(feed, row(brand="web", cancellation_reason="price"))
    first = preview(feed, mapping="standard", brand=None).rows[0]

    assert first.values["brand"] == "web"
    assert first.values["starts_on"] == "2026-01-15"
    assert first.values["contact_address"] == "berta@brot.example"
    assert first.values["ends_on"] == ""


def test_preview_refuses_what_an_import_would_refuse(brand, products):
    with pytest.raises(BrandUnknown):
        preview(products, brand="wab")
    with pytest.raises(MappingRefused, match=r"^kind must be one of accounts, contacts, products,"):
        preview(products, mapping={"kind": "cars", "fields": {}})
    with pytest.raises(FeedRefused, match="these columns are missing"):
        preview(products, mapping={"kind": "products", "fields": {"product_code": {"column": "X"}}})


def test_mapping_that_was_saved_is_found_by_its_name(brand, products):
    ImportMapping.objects.create(name="ours", kind="products", content=CONTENT, saved_at=AT)

    run = take_in(products, mapping="ours")

    assert load_mapping("ours") == parse_mapping("ours", CONTENT)
    assert (run.mapping, run.mapping_content, run.kind) == ("ours", CONTENT, "products")
    assert (run.counts["products"]["added"], run.rows_refused) == (2, 1)


def test_run_of_the_desk_is_filled_in(brand, products):
    waiting = ImportRun.objects.create(
        file_name="products.csv",
        mapping="draft",
        mapping_content=CONTENT,
        as_of=AS_OF,
        state="queued",
        started_at=AT,
    )

    run = take_in(products, mapping=CONTENT, run=waiting, as_of=date(2026, 5, 1))

    run.refresh_from_db()
    assert ImportRun.objects.get() == run == waiting
    assert (run.file_name, run.mapping, run.brand, run.state) == (
        "products.csv",
        "draft",
        brand,
        "done",
    )
    assert (run.as_of, run.rows_read) == (date(2026, 5, 1), 3)
    again = take_in(products, mapping=CONTENT, run=run, dry_run=True)
    assert (again.state, again.is_dry_run, again.rows_refused) == ("dry_run", True, 1)
    assert again.issues.count() == 1


def test_run_of_the_desk_is_refused_with_the_reason(brand, products):
    waiting = ImportRun.objects.create(
        file_name="products.csv", mapping="", as_of=AS_OF, state="queued", started_at=AT
    )

    with pytest.raises(MappingRefused):
        take_in(products, mapping={"fields": {}}, run=waiting)

    waiting.refresh_from_db()
    assert (waiting.state, Account.objects.count()) == ("refused", 0)
    assert issues(waiting) == [
        (0, "", "account_number: it is required, and nothing is mapped to it.")
    ]


def test_fields_of_a_kind_say_what_they_mean():
    field = fields_of("products")["list_price"]

    assert (str(field.meaning), field.required) == ("list price, net, per billing period", False)
    assert (
        field.kind.describe() == "number like 1234.50, below 10,000,000,000, at most two decimals"
    )
