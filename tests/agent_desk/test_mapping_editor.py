"""What each column of an uploaded file means is said at the desk."""

from io import BytesIO

import pytest
from openpyxl import Workbook

from accounts.enums import ImportState
from accounts.models import ImportMapping
from tests.accounts.imports.feeds import row, write_feed
from tests.agent_desk.uploading import GERMAN, mapped, problems, to


def test_editor_refuses_characters_that_cannot_be_kept(upload):
    client, run = upload()
    before = run.mapping_content

    for value, meaning in (("F\0", "business"), ("F", "business\0")):
        answer = client.post(
            to("mapping", run),
            mapped(**{"customer_kind:from": [value], "customer_kind:to": [meaning]}),
        )
        assert problems(answer) == {"customer_kind:source": ["Null characters are not allowed."]}
    run.refresh_from_db()
    assert run.mapping_content == before


def test_editor_starts_with_the_columns_that_are_called_like_fields(upload, feed_of):
    client, run = upload(feed_of(row()))

    sources = {
        each.name: each.source.value() for each in client.get(to("mapping", run)).context["rows"]
    }

    assert sources["account_number"] == "column:account_number"
    assert sources["first_term_months"] == "column:first_term_months"
    assert sources["is_trial"] == ""
    assert "brand" not in sources


@pytest.fixture
def feed_of(tmp_path):
    return lambda *rows: write_feed(tmp_path / "feed.csv", *rows).read_bytes()


def test_editor_shows_what_is_missing_beside_its_field_and_keeps_nothing(upload):
    client, run = upload()
    before = run.mapping_content

    missing = client.post(
        to("mapping", run),
        mapped(**{"contract_number:source": "", "currency:source": "fixed", "currency:fixed": ""}),
    )
    wrong = client.post(to("mapping", run), mapped(**{"currency:fixed": "euros"}))
    alone = client.post(to("mapping", run), mapped(**{"country:source": ""}))

    assert problems(missing) == {
        "contract_number:source": ["This field is required: choose its source."],
        "currency:source": ["Say the fixed value."],
    }
    assert list(problems(wrong)) == ["currency:source"]
    assert "euros" in problems(wrong)["currency:source"][0]
    assert list(problems(alone)) == ["country:source"]
    assert 'href="#map-country"' in alone.text
    run.refresh_from_db()
    assert run.mapping_content == before


@pytest.fixture
def workbook():
    """A cover, and contracts on the second sheet."""
    book = Workbook()
    book.active.title = "Deckblatt"
    book.active.append(["Stand", "Firma"])
    sheet = book.create_sheet("Verträge")
    for line in GERMAN.decode().splitlines():
        sheet.append([name.replace("Kundennr", "account_number") for name in line.split(";")])
    packed = BytesIO()
    book.save(packed)
    return packed.getvalue()


def test_sheet_of_a_workbook_is_chosen_in_the_editor(upload, workbook):
    client, run = upload(workbook)
    first = client.get(to("mapping", run))
    assert first.context["sample"].header == ["Stand", "Firma"]
    assert first.context["form"].fields["sheet"].choices == [
        ("", "Deckblatt"),
        ("Verträge", "Verträge"),
    ]

    choice = {"sheet": "Verträge", "shown_sheet": ""}
    anew = client.post(to("mapping", run), mapped() | choice)

    assert anew.context["sample"].header[0] == "account_number"
    assert anew.context["form"]["account_number:source"].value() == "column:account_number"
    assert anew.context["shown_sheet"] == "Verträge"
    run.refresh_from_db()
    assert "sheet" not in run.mapping_content

    shown = {"sheet": "Verträge", "shown_sheet": "Verträge"}
    columns = {"account_number:source": "column:account_number"}
    answer = client.post(to("mapping", run), mapped() | columns | shown)
    assert answer["Location"] == to("preview", run)
    run.refresh_from_db()
    assert run.mapping_content["sheet"] == "Verträge"
    assert [line["line"] for line in client.get(to("preview", run)).context["rows"]] == [2, 3]

    back = client.post(to("mapping", run), mapped() | {"sheet": "", "shown_sheet": "Verträge"})
    assert back.context["sample"].header == ["Stand", "Firma"]


def test_sheet_is_no_question_where_there_is_one_or_none(upload, workbook):
    client, run = upload()

    assert "sheet" not in client.get(to("mapping", run)).context["form"].fields
    none = client.post(to("mapping", run), mapped(sheet="\0nowhere", shown_sheet="\0nowhere"))
    assert none["Location"] == to("preview", run)

    client, run = upload(workbook)
    nowhere = client.post(to("mapping", run), mapped(sheet="nowhere", shown_sheet=""))
    assert nowhere["Location"] == to("change", run)


def test_values_are_translated_where_asked_for_and_where_they_do_not_fit(upload):
    client, run = upload()
    form = mapped(then="", translate="account_name")
    for name in ("customer_kind:from", "customer_kind:to", "customer_kind:column"):
        del form[name]

    shown = client.post(to("mapping", run), form)

    offered = {each.name: each.translations for each in shown.context["rows"]}
    assert [(each.value, each.meaning) for each in offered["account_name"][:2]] == [
        ("Bäckerei Brot", "Bäckerei Brot"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ]
    assert [each.value for each in offered["customer_kind"] if not each.is_free] == ["F", "P"]
    assert offered["contract_number"] == []
    assert problems(shown) == {}

    client.post(
        to("mapping", run),
        mapped(
            **{
                "customer_kind:to": ["business", ""],
                "customer_kind:more-from": ["X", ""],
                "customer_kind:more-to": ["consumer", ""],
            }
        ),
    )
    run.refresh_from_db()
    assert run.mapping_content["fields"]["customer_kind"] == {
        "column": "Typ",
        "values": {"F": "business", "X": "consumer"},
    }
    back = {each.name: each for each in client.get(to("mapping", run)).context["rows"]}
    assert [(each.value, each.meaning) for each in back["customer_kind"].translations[:3]] == [
        ("F", "business"),
        ("X", "consumer"),
        ("P", ""),
    ]


def test_values_can_be_taken_as_they_are_again(upload):
    client, run = upload()
    client.post(to("mapping", run), mapped())

    shown = client.post(to("mapping", run), mapped(then="", as_it_is="customer_kind"))

    [kind] = [each for each in shown.context["rows"] if each.name == "customer_kind"]
    assert kind.translations == []


def test_sources_that_the_editor_cannot_change_are_kept(upload, desk):
    header = "customerID,Churn,tenure,InternetService,Contract,MonthlyCharges\n"
    client, run = upload(f"{header}A-1,No,5,DSL,One year,29.85\n".encode(), mapping="telco")
    rows_shown = {each.name: each for each in client.get(to("mapping", run)).context["rows"]}
    before = run.mapping_content
    form = {"date_format": "%Y-%m-%d", "save_as": "", "then": "preview"}
    for name, each in rows_shown.items():
        form[f"{name}:source"] = each.source.value()
        form[f"{name}:fixed"] = each.fixed.value()
        if each.translations:
            said = [pair for pair in each.translations if not pair.is_free]
            form[f"{name}:column"] = each.column
            form[f"{name}:from"] = [pair.value for pair in said]
            form[f"{name}:to"] = [pair.meaning for pair in said]

    answer = client.post(to("mapping", run), form)

    assert rows_shown["starts_on"].source.value() == "kept"
    assert "start_from_tenure" in rows_shown["starts_on"].kept
    assert answer["Location"] == to("preview", run)
    run.refresh_from_db()
    kept = run.mapping_content["fields"]
    assert kept["starts_on"] == before["fields"]["starts_on"]
    assert kept["account_name"] == {"template": "Customer {customerID}"}
    assert {name: str(entry) for name, entry in kept.items()}.keys() == before["fields"].keys()


def test_mapping_is_saved_under_a_name_and_offered_for_the_next_upload(upload):
    client, run = upload()

    taken = client.post(to("mapping", run), mapped(save_as="standard"))
    client.post(to("mapping", run), mapped(save_as="billing"))

    assert list(problems(taken)) == ["save_as"]
    assert ImportMapping.objects.get().saved_by == client.user
    assert "billing (Contracts)" in client.get(to("upload")).text
    client, following = upload(mapping="billing")
    assert following.mapping_content == ImportMapping.objects.get().content


def test_dry_run_from_the_editor_starts_at_once_and_the_import_asks_first(upload):
    client, run = upload()
    client.post(to("mapping", run), mapped(then="import"))
    assert client.get(to("mapping", run)).status_code == 200

    client.post(to("mapping", run), mapped(then="dry_run"))

    run.refresh_from_db()
    assert (run.state, run.is_dry_run) == (ImportState.QUEUED, True)
    for name in ("mapping", "preview", "start"):
        assert client.get(to(name, run))["Location"] == to("change", run)
