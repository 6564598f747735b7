import csv
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from openpyxl import load_workbook

from accounts.models import Account, Brand, Contract
from tests.accounts.imports.feeds import row, write_feed

pytestmark = pytest.mark.django_db


def command(*arguments, **options) -> str:
    stdout = StringIO()
    call_command(*arguments, stdout=stdout, **options)
    return stdout.getvalue()


@pytest.fixture
def import_feed(brand, feed):
    def run(*arguments):
        return command(
            "import_feed",
            str(feed),
            "--mapping=standard",
            "--as-of=2026-06-01",
            "--brand=web",
            *arguments,
        )

    return run


def test_import_command_prints_counts_and_faults(feed, import_feed):
    write_feed(feed, row(starts_on="2025-07-01"), row(contract_number="V2", price="?"))

    assert import_feed().splitlines() == [
        "feed.csv as of 2026-06-01",
        "                    added     changed   unchanged",
        "products                1           0           0",
        "accounts                1           0           0",
        "contacts                1           0           0",
        "contracts               1           0           0",
        "permissions             1           0           0",
        "            2  rows read",
        "            1  rows refused",
        "            0  rows with contradictions",
        "            1  contracts with fractions in their price",
        "            1  reminders held, late after import",
        "            0  reminders sent before the import",
        "line 3, price: “?” is no number like 1234.50",
    ]


def test_import_command_prints_the_first_faults_and_reports_all(feed, import_feed, tmp_path):
    numbers = range(25)
    write_feed(feed, *(row(contract_number=f"V{number}", price="=1+1") for number in numbers))
    report = tmp_path / "report.csv"

    lines = import_feed(f"--report={report}").splitlines()

    assert sum(line.startswith("line ") for line in lines) == 20
    assert lines[-1] == "... and 5 further findings; --report writes all of them."
    with report.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "field", "severity", "reason"],
            *(
                [str(number + 2), "price", "refused", "“=1+1” is no number like 1234.50"]
                for number in numbers
            ),
        ]


def test_import_command_reports_as_a_workbook(feed, import_feed, tmp_path):
    write_feed(feed, row(price="=1+1"))
    report = tmp_path / "report.xlsx"

    import_feed(f"--report={report}")

    rows = load_workbook(report).active.iter_rows(values_only=True)
    assert list(rows) == [
        ("line", "field", "severity", "reason"),
        (2, "price", "refused", "“=1+1” is no number like 1234.50"),
    ]


def test_import_command_dry_run_says_so_and_changes_nothing(feed, import_feed):
    write_feed(feed, row())

    assert import_feed("--dry-run").startswith(
        "feed.csv as of 2026-06-01 (dry run, nothing changed)\n"
    )
    assert Account.objects.count() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as-of=1.6.2026"], "Error: argument --as-of: 1.6.2026 is no day like 2026-01-31."),
        (["--mapping=tele"], "There is no mapping “tele”: say ravenstack_accounts, "),
        (["--brand=wab"], "There is no brand “wab”; there are: web. `manage.py add_brand --help`"),
        (["--report=report.txt"], "--report report.txt must end with .csv or .xlsx."),
        (["--report=/nowhere/report.csv"], "--report /nowhere/report.csv cannot be written: No "),
    ],
)
def test_import_command_refuses_in_one_line(feed, import_feed, arguments, message):
    write_feed(feed, row())

    with pytest.raises(CommandError) as refusal:
        import_feed(*arguments)

    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)
    assert Account.objects.count() == 0


def test_add_brand_lets_a_feed_into_an_empty_system(feed):
    command(
        "add_brand",
        "web",
        "--name=Web",
        "--legal-name=Web GmbH",
        "--imprint=Marktplatz 1",
        "--base-url=https://web.example",
        "--sender-address=mail@web.example",
    )
    brand = Brand.objects.get()
    assert (brand.sender_name, brand.service_address) == ("Web", "mail@web.example")

    write_feed(feed, row())
    command("import_feed", str(feed), "--mapping=standard", "--as-of=2026-06-01", "--brand=web")
    assert Contract.objects.get().brand == brand


def test_add_brand_names_what_does_not_fit(brand):
    with pytest.raises(CommandError) as refusal:
        command(
            "add_brand",
            "web",
            "--name=Web",
            "--legal-name=Web GmbH",
            "--imprint=Marktplatz 1",
            "--base-url=web",
            "--sender-address=mail@web.example",
        )

    assert [line.split(":")[0] for line in str(refusal.value).splitlines()] == ["base_url", "code"]
    assert Brand.objects.count() == 1
