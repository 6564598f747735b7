"""A manager maps a file of the billing department in a real browser, wide and on a phone."""

from datetime import UTC, datetime

import pytest

from accounts.models import Account
from accounts.services.imports.queued import run_queued_imports
from tests.factories import BrandFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CONTENT = """Kundennr,account_name,customer_kind,country,language,time_zone,Konto
K1,<img src=x onerror=alert(1)>,business,DE,de,Europe/Berlin,1
K2,Brot,person,DE,de,Europe/Berlin,2
"""


@pytest.mark.parametrize("width", [1366, 390])
def test_manager_imports_a_file_and_downloads_the_report(
    page, live_server, sign_in, complaints, tmp_path, width
):
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.set_viewport_size({"width": width, "height": 900})
    BrandFactory(code="web", name="Web")
    sign_in(UserFactory(role="cx_manager"))
    file = tmp_path / "kunden.csv"
    file.write_text(CONTENT)

    page.goto(f"{live_server.url}/desk/accounts/importrun/upload/")
    page.locator("input[name=file]").set_input_files(file)
    page.get_by_label("What a row is").select_option("accounts")
    page.get_by_label("Brand").select_option(label="Web")
    fits(page, width)
    page.get_by_role("button", name="Upload", exact=True).click()

    page.get_by_role("button", name="Preview").click()
    page.get_by_role("link", name="account_number").click()
    fits(page, width)
    page.locator("[name='account_number:source']").select_option("column:Kundennr")
    page.get_by_text("Further fields").click()
    page.locator("[name='contact_name:source']").select_option("column:account_name")
    assert page.locator("[name='customer_kind:to']").first.is_visible()
    meanings = page.locator("[name='customer_kind:to']")
    assert [meanings.nth(each).input_value() for each in range(2)] == ["business", ""]
    page.get_by_label("Save the mapping as").fill("billing")
    page.get_by_role("button", name="Preview").click()

    page.get_by_text("1 of them would be refused").wait_for()
    fits(page, width)
    page.get_by_role("button", name="Dry run").click()
    page.get_by_role("heading", name="Waiting for a worker").wait_for()
    fits(page, width)
    run_queued_imports(at=datetime.now(UTC))
    # The page notices by itself.
    page.get_by_text("This was a dry run: nothing has changed.").wait_for()
    fits(page, width)
    assert not Account.objects.exists()

    page.get_by_role("link", name="Import now…").click()
    fits(page, width)
    page.get_by_role("button", name="Import now").click()
    page.get_by_role("heading", name="Waiting for a worker").wait_for()
    run_queued_imports(at=datetime.now(UTC))
    page.get_by_text("What the import has done").wait_for()
    fits(page, width)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the report (CSV)").click()

    [_header, finding] = download.value.path().read_text("utf-8-sig").splitlines()
    assert finding.startswith("3,customer_kind,Row refused,")
    assert [account.external_id for account in Account.objects.all()] == ["K1"]
    assert complaints == []
    assert dialogs == []


def fits(page, width: int) -> None:
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
