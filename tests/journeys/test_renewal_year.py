"""A real feed comes in, a year goes by, and the right mails have gone out: with real processes."""

import ast
import re
import socket
from bisect import bisect
from datetime import date, datetime

from django.db.models import F, QuerySet

from accounts.enums import ContractState, ReminderState
from accounts.models import Contract, RenewalReminder
from cxcrm.outbox.models import OutgoingMail
from tests.journeys import telco_reference
from tests.journeys.telco_reference import ExpectedMail, in_words, last_day_to_cancel, reckon
from tests.processes.deployment import answers
from tests.processes.smtp_sink import TakenMail

IMPORTED_ON = date(2030, 1, 1)
LAST_DAY = date(2030, 12, 31)


def test_reference_shares_no_code_with_cxcrm():
    with open(telco_reference.__file__) as source:
        tree = ast.parse(source.read())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [n.name for n in node.names]
        )
    }
    assert imported == {
        "calendar", "collections", "csv", "dataclasses", "datetime", "gzip", "pathlib", "zlib",
    }  # fmt: skip


def test_renewal_year_reminds_each_customer_once_on_the_right_day(deployment, shared_data):
    feed = shared_data / "telco-churn" / "telco_churn.csv.gz"
    expected = reckon(feed, imported_on=IMPORTED_ON, until=LAST_DAY)
    assert expected.kinds == {"rolling": 1_557, "fixed": 2_065}

    web = deployment.start_web()
    # Without pool children the process that the test starts is the one that sends.
    worker = deployment.start_worker()
    deployment.start_beat()
    deployment.manage(
        *("add_brand", "telco", "--name", "Telco", "--legal-name", "Telco Inc."),
        *("--imprint", "1 Main Street, Los Angeles", "--base-url", "https://telco.example"),
        *("--sender-address", "mail@telco.example"),
    )
    deployment.manage(
        *("import_feed", str(feed), "--mapping", "telco", "--brand", "telco"),
        *("--as-of", IMPORTED_ON.isoformat()),
    )
    assert running_contracts() == expected.kinds
    assert deployment.sink.taken() == []

    played = deployment.run(
        *("-m", "tests.journeys.play_days"), IMPORTED_ON.isoformat(), LAST_DAY.isoformat()
    )

    sent = [as_sent(mail, days_by_moment(played)) for mail in deployment.sink.taken()]
    assert len(sent) == len(expected.mails)
    assert set(sent) == expected.mails
    # Nobody decided about what was held: it became a task where its notice deadline was to come.
    held = RenewalReminder.objects.filter(state__in=[ReminderState.HELD, ReminderState.TOO_LATE])
    assert decisions(held) == expected.held
    planned = RenewalReminder.objects.filter(state=ReminderState.PLANNED, decided_on=F("due_on"))
    assert decisions(planned) == expected.mails
    assert set(OutgoingMail.objects.values_list("worker", flat=True)) == {
        f"{socket.gethostname()[:80]}:{worker.pid}"
    }
    assert answers(f"{web}/health/ready")


def running_contracts() -> dict[str, int]:
    running = Contract.objects.filter(state=ContractState.RUNNING)
    return {
        "rolling": running.filter(first_term_months=1).count(),
        "fixed": running.filter(first_term_months__gte=12).count(),
    }


def days_by_moment(played: str) -> dict[float, date]:
    """When each played day began."""
    lines = (line.split() for line in played.splitlines())
    return {float(moment): date.fromisoformat(day) for day, moment in lines}


def as_sent(mail: TakenMail, days: dict[float, date]) -> ExpectedMail:
    """What a mail told its customer, and the day on which the mail server took it."""
    [address] = mail.recipients
    renewal_date = read_day(r"Renewal date\W+(.+)", mail.text)
    assert read_day(r"Last day to cancel\W+(.+)", mail.text) == last_day_to_cancel(renewal_date)
    assert mail.subject.endswith(f"renews on {in_words(renewal_date)}")
    moments = list(days)
    return ExpectedMail(address, renewal_date, days[moments[bisect(moments, mail.time) - 1]])


def read_day(pattern: str, text: str) -> date:
    found = re.search(pattern, text)
    assert found, text
    return datetime.strptime(f"{found[1].strip()} +0000", "%B %d, %Y %z").date()


def decisions(reminders: QuerySet[RenewalReminder]) -> set[ExpectedMail]:
    """What the rows of cxcrm say: whose contract, when it renews, and the day that was due."""
    rows = reminders.values_list("contract__external_id", "renewal_date", "due_on")
    return {
        ExpectedMail(f"{number.lower()}@customers.example", renewal_date, due_on)
        for number, renewal_date, due_on in rows
    }
