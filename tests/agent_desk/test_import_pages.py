"""A file comes in at the desk: upload, mapping, preview, dry run, import, report."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from accounts.enums import ImportState
from accounts.models import Account, ImportChunk, ImportMapping, ImportRun
from accounts.services.imports.queued import run_queued_imports
from cxcrm.users.enums import Role
from tests.accounts.imports.feeds import AS_OF, row, write_feed
from tests.agent_desk import rows
from tests.factories import NOW, BrandFactory

GERMAN = (
    "Kundennr;Firma;Typ;Vertragsnr;Start;Preis\n"
    "K1;Bäckerei Brot;F;V1;15.01.2026;9,90\n"
    "K2;<script>alert(1)</script>;P;V2;31.02.2026;12,00\n"
).encode()
FIXED = {
    "country": "DE",
    "language": "de",
    "time_zone": "Europe/Berlin",
    "product_code": "web-s",
    "after_term": "open_ended",
    "currency": "EUR",
    "billing_period_months": "1",
}
COLUMNS = {
    "account_number": "Kundennr",
    "account_name": "Firma",
    "customer_kind": "Typ",
    "contract_number": "Vertragsnr",
    "starts_on": "Start",
    "price": "Preis",
}


def to(name: str, run: ImportRun | None = None) -> str:
    return reverse(f"admin:accounts_importrun_{name}", args=[run.pk] if run else [])


@pytest.fixture
def brand(db):
    return BrandFactory(code="web", name="Web")


@pytest.fixture
def upload(desk, brand):
    """`upload(content)`: a manager's browser and the run that the upload made."""

    def upload(content: bytes = GERMAN, **details):
        client = desk(Role.CX_MANAGER)
        given = {
            "file": SimpleUploadedFile("kunden.csv", content),
            "kind": "contracts",
            "as_of": AS_OF.isoformat(),
            "brand": brand.pk,
            "mapping": "",
        }
        client.answer = client.post(to("upload"), given | details)
        return client, ImportRun.objects.order_by("-pk").first()

    return upload


def mapped(**changes) -> dict:
    """The editor filled in for GERMAN."""
    form = {"date_format": "%d.%m.%Y", "decimal_comma": "on", "save_as": "", "then": "preview"}
    form |= {f"{name}:source": f"column:{column}" for name, column in COLUMNS.items()}
    for name, value in FIXED.items():
        form |= {f"{name}:source": "fixed", f"{name}:fixed": value}
    form |= {
        "customer_kind:column": "Typ",
        "customer_kind:from": ["F", "P"],
        "customer_kind:to": ["business", "consumer"],
    }
    return form | changes


def problems(response) -> dict[str, list[str]]:
    return {name: list(errors) for name, errors in response.context["form"].errors.items()}


def test_file_comes_in_by_upload_mapping_preview_dry_run_and_import(upload):
    client, run = upload()
    assert client.answer["Location"] == to("mapping", run)
    assert client.get(to("mapping", run)).context["sample"].header[0] == "Kundennr"

    assert client.post(to("mapping", run), mapped())["Location"] == to("preview", run)
    preview = client.get(to("preview", run))
    good, bad = preview.context["rows"]
    assert {cell["name"]: cell["value"] for cell in good["cells"]} == FIXED | {
        "account_number": "K1",
        "account_name": "Bäckerei Brot",
        "customer_kind": "business",
        "contract_number": "V1",
        "starts_on": "2026-01-15",
        "price": "9.90",
    }
    assert bad["places"] == ["starts_on"]
    assert "“31.02.2026” is no day" in preview.text

    assert client.post(to("start", run), {"dry_run": "1"})["Location"] == to("change", run)
    assert "Waiting for a worker" in client.get(to("change", run)).text
    run_queued_imports(at=NOW)
    tried = client.get(to("change", run))
    assert "nothing has changed" in tried.text
    assert [issue.line for issue in tried.context["overview"].findings] == [3]
    assert not Account.objects.exists()

    asked = client.get(to("start", run))
    assert "The dry run has read 2 rows and refused 1 of them." in asked.text
    assert not ImportRun.objects.filter(state=ImportState.QUEUED).exists()
    client.post(to("start", run))
    run_queued_imports(at=NOW)
    done = client.get(to("change", run))
    assert [(each.label, each.added) for each in done.context["overview"].counts][1] == (
        "Accounts",
        1,
    )
    assert Account.objects.get().name == "Bäckerei Brot"
    assert not ImportChunk.objects.exists()


def test_upload_without_a_file_of_nothing_or_of_tomorrow_is_asked_for_again(upload):
    for details, found in (
        ({"file": ""}, {"file": ["Choose a file."]}),
        ({"file": SimpleUploadedFile("a.csv", b"")}, {"file": ["The submitted file is empty."]}),
        ({"as_of": "2026-06-03"}, {"as_of": ["This day has not come yet."]}),
        ({"file": SimpleUploadedFile("a.csv", b"\xff\n")}, None),
        ({"kind": "nothing"}, None),
        ({"mapping": "nowhere"}, None),
    ):
        client, run = upload(**details)

        assert client.answer.status_code == 200
        assert found in (None, problems(client.answer))
        assert problems(client.answer)
        assert run is None


def test_upload_above_the_limit_is_answered_with_the_limit_and_not_kept(upload, settings):
    settings.CXCRM_LARGEST_UPLOAD_MB = 1

    client, run = upload(b"account_number\n" + b"1" * 2**20)

    assert client.answer.status_code == 200
    [reason] = problems(client.answer)["file"]
    assert reason.startswith("The file has more than 1 MB.")
    assert run is None


def test_file_that_cannot_be_read_any_more_leads_back_to_its_run(upload):
    client, run = upload()
    run.chunks.update(content=GERMAN.decode().encode("latin-1"))

    for method in (client.get, client.post):
        answer = method(to("mapping", run))
        assert answer["Location"] == to("change", run)
        assert "line 2, byte 5 is no UTF-8" in client.get(answer["Location"]).text


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


def test_progress_is_told_in_words_until_the_import_is_over(upload):
    client, run = upload()
    client.post(to("mapping", run), mapped(then="dry_run"))
    ImportRun.objects.update(
        state=ImportState.RUNNING, step="contracts", steps_done=3, steps_total=12, rows_read=2
    )

    going = client.get(to("progress", run))
    ImportRun.objects.update(state=ImportState.DONE)
    over = client.get(to("progress", run))

    assert "Writing contracts" in going.text
    assert 'value="25"' in going.text
    assert 'hx-trigger="every 2s"' in going.text
    assert (over.content, over["HX-Refresh"]) == (b"", "true")


def test_file_is_thrown_away_by_post_only(upload):
    client, run = upload()

    assert client.get(to("discard", run)).status_code == 405
    client.post(to("discard", run))

    assert not ImportRun.objects.exists()
    assert not ImportChunk.objects.exists()


def test_run_whose_file_is_gone_offers_the_upload_again(upload):
    client, run = upload()
    ImportChunk.objects.all().delete()

    for name in ("mapping", "preview"):
        assert client.get(to(name, run))["Location"] == to("change", run)
    assert client.post(to("start", run))["Location"] == to("change", run)
    assert "upload it again" in client.get(to("change", run)).text


def test_what_stands_in_the_file_is_text_on_every_page(upload):
    hostile = "<img src=x onerror=alert(1)>"
    content = (
        f"Kundennr;Firma;Typ;Vertragsnr;Start;Preis;{hostile}\n"
        f"K1;{hostile};{hostile};V1;{hostile};9,90;{hostile}\n"
    ).encode()
    client, run = upload(content)
    pages = [client.get(to("mapping", run))]
    pages.append(client.post(to("mapping", run), mapped(then="", translate="account_name")))
    client.post(to("mapping", run), mapped(**{"customer_kind:to": ["business", "consumer"]}))
    pages.append(client.get(to("preview", run)))
    client.post(to("start", run), {"dry_run": "1"})
    run_queued_imports(at=NOW)
    pages.append(client.get(to("change", run)))
    pages.append(client.get(reverse("admin:accounts_importissue_changelist"), {"run": run.pk}))

    for answer in pages:
        assert answer.status_code == 200
        assert "&lt;img src=x" in answer.text
        assert hostile not in answer.text


@pytest.mark.parametrize("file_type", ["csv", "xlsx"])
def test_report_holds_every_finding_of_the_run_and_no_formula(desk, file_type):
    issue = rows.make_issue()
    rows.make_issue()
    issue.reason = "=HYPERLINK(1)"
    issue.save()
    url = reverse("admin:accounts_importissue_export", args=[file_type])

    answer = desk(Role.CX_MANAGER).get(url, {"run": issue.run_id})

    content = b"".join(answer.streaming_content)
    if file_type == "csv":
        lines = content.decode("utf-8-sig").splitlines()
        assert lines == [
            "Line,Field,Severity,Reason",
            "7,starts_on,Row refused,'=HYPERLINK(1)",
        ]
    else:
        sheet = load_workbook(BytesIO(content)).active
        assert [[cell.value for cell in line] for line in sheet.rows][1:] == [
            [7, "starts_on", "Row refused", "=HYPERLINK(1)"]
        ]
        assert sheet["D2"].data_type == "s"


def test_import_page_takes_the_same_queries_for_one_finding_and_for_three(
    desk, django_assert_num_queries
):
    client = desk(Role.CX_MANAGER)
    run = rows.make_issue().run
    url = to("change", run)
    for more in (1, 2):
        with django_assert_num_queries(8):
            client.get(url)
        for line in range(more):
            run.issues.create(line=100 * more + line, field="price", reason="no number")


def test_nothing_of_a_file_stands_in_addresses_or_logs(upload, caplog):
    client, run = upload()
    client.post(to("mapping", run), mapped())
    answers = [client.get(to("preview", run)), client.post(to("start", run))]
    run_queued_imports(at=NOW)

    assert "Bäckerei" not in caplog.text
    assert "Bäckerei" not in "".join(answer.headers.get("Location", "") for answer in answers)
