"""A file comes in at the desk: upload, mapping, preview, dry run, import, report."""

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import load_workbook

from accounts.enums import ImportState
from accounts.models import Account, ImportChunk, ImportRun
from accounts.services.imports.queued import run_queued_imports
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.agent_desk.uploading import FIXED, GERMAN, mapped, problems, to
from tests.factories import NOW


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
