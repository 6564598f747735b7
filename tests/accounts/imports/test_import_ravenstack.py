"""Several tables that do not agree, through the command, against plain readings of the files."""

import csv
from collections import Counter, defaultdict
from datetime import date

import pytest
from django.core.management import call_command
from django.db.models import Q, Sum

from accounts.enums import ContractState, ImportState
from accounts.models import Account, Cancellation, Contract, ImportRun, Product
from cxcrm.outbox.models import OutgoingMail

pytestmark = pytest.mark.django_db

AS_OF = date(2025, 1, 1)
TABLES = ("accounts", "subscriptions", "accounts", "churn_events")


@pytest.fixture(scope="module")
def raw(shared_data):
    def read(table):
        path = shared_data / "saas-ravenstack" / f"ravenstack_{table}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return {table: read(table) for table in set(TABLES)}


@pytest.fixture
def import_tables(brand, shared_data):
    def run() -> list[ImportRun]:
        known = set(ImportRun.objects.values_list("pk", flat=True))
        for table in TABLES:
            call_command(
                "import_feed",
                str(shared_data / "saas-ravenstack" / f"ravenstack_{table}.csv"),
                f"--mapping=ravenstack_{table}",
                f"--as-of={AS_OF}",
                "--brand=web",
                verbosity=0,
            )
        return list(ImportRun.objects.exclude(pk__in=known).order_by("pk"))

    return run


def day(text: str) -> date | None:
    if not text:
        return None
    date_day, month, year = text.split("-")
    return date(int(year), int(month), int(date_day))


def contradictions(run: ImportRun) -> set[int]:
    return set(run.issues.filter(severity="contradiction").values_list("line", flat=True))


def test_ravenstack_comes_in_and_its_contradictions_are_reported(import_tables, raw):
    runs = import_tables()

    accounts, subscriptions, again, events = runs
    assert [run.state for run in runs] == [ImportState.DONE] * 4
    assert [run.rows_read for run in runs] == [len(raw[table]) for table in TABLES]
    assert [run.rows_refused for run in runs] == [0] * 4
    assert [run.kind for run in runs] == ["accounts", "contracts", "accounts", "cancellations"]
    assert accounts.counts["accounts"]["added"] == Account.objects.count() == 500
    assert subscriptions.counts["contracts"]["added"] == Contract.objects.count() == 5_000
    assert (accounts.contradictions, subscriptions.contradictions) == (0, 0)

    _check_contracts(raw["subscriptions"])
    _check_money(raw["subscriptions"])
    assert _lines_of_accounts(raw) == contradictions(again)
    assert again.contradictions == 110
    _check_churn_events(raw, events)
    assert OutgoingMail.objects.count() == 0


def _check_contracts(subscriptions):
    running = Contract.objects.filter(state=ContractState.RUNNING).count()
    assert running == sum(not row["end_date"] for row in subscriptions)
    assert Contract.objects.filter(is_trial=True).count() == sum(
        row["is_trial"] == "TRUE" for row in subscriptions
    )
    by_product = Counter(row["plan_tier"] for row in subscriptions)
    assert {product.name: product.contracts.count() for product in Product.objects.all()} == (
        by_product
    )
    found = {
        number: rest
        for number, *rest in Contract.objects.values_list(
            "external_id", "starts_on", "ends_on", "billing_period_months", "account__external_id"
        )
    }
    assert found == {
        row["subscription_id"]: [
            day(row["start_date"]),
            day(row["end_date"]),
            {"monthly": 1, "annual": 12}[row["billing_frequency"]],
            row["account_id"],
        ]
        for row in subscriptions
    }


def _check_money(subscriptions):
    expected: dict[str, int] = defaultdict(int)
    for row in subscriptions:
        if not row["end_date"] and row["is_trial"] == "FALSE":
            expected[row["account_id"]] += int(row["arr_amount"])
    counted = Q(contracts__state=ContractState.RUNNING, contracts__is_trial=False)
    arr = Account.objects.annotate(sum=Sum("contracts__yearly_value", filter=counted))
    found = dict(arr.filter(sum__isnull=False).values_list("external_id", "sum"))
    assert found == expected


def _lines_of_accounts(raw) -> set[int]:
    """The lines of those who have left, they say, and hold subscriptions; or the other way."""
    running = {row["account_id"] for row in raw["subscriptions"] if not row["end_date"]}
    return {
        line
        for line, row in enumerate(raw["accounts"], start=2)
        if (row["churn_flag"] == "TRUE") == (row["account_id"] in running)
    }


def _check_churn_events(raw, run):
    ended: dict[tuple, list[str]] = defaultdict(list)
    for row in raw["subscriptions"]:
        ended[row["account_id"], row["end_date"]].append(row["subscription_id"])
    events = list(enumerate(raw["churn_events"], start=2))
    matching = [
        (line, row) for line, row in events if (row["account_id"], row["churn_date"]) in ended
    ]
    assert contradictions(run) == {line for line, _ in events} - {line for line, _ in matching}
    expected = {}
    for _line, row in matching:
        for number in ended[row["account_id"], row["churn_date"]]:
            expected.setdefault(number, (day(row["churn_date"]), row["feedback_text"]))
    assert len(matching) == 6
    found = Cancellation.objects.values_list("contract__external_id", "effective_on", "comment")
    assert {number: rest for number, *rest in found} == {
        number: list(rest) for number, rest in expected.items()
    }
    running = Counter(row["account_id"] for row in raw["subscriptions"] if not row["end_date"])
    line, row = next((line, row) for line, row in events if (line, row) not in matching)
    assert run.issues.get(line=line).reason == (
        f"no contract of this account ended on {day(row['churn_date'])}; "
        f"running: {running[row['account_id']]}"
    )


def test_ravenstack_twice_changes_nothing(import_tables):
    import_tables()

    for run in import_tables():
        things = [counts for counts in run.counts.values() if isinstance(counts, dict)]
        written = [
            counts.get(what, 0) for counts in things for what in ("added", "changed", "held")
        ]
        assert set(written) == {0}
