"""A real feed comes in, a year goes by, and the right mails have gone out: with real processes."""

import ast
import re
import socket
from datetime import date, datetime, timedelta

import pytest

from accounts.enums import ReminderState
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
        *("import_contracts", str(feed), "--mapping", "telco"),
        *("--as-of", IMPORTED_ON.isoformat()),
    )
    deployment.run(
        *("-m", "tests.journeys.play_days"), IMPORTED_ON.isoformat(), LAST_DAY.isoformat()
    )

    taken = deployment.sink.taken()
    sent = [as_sent(mail) for mail in taken]
    assert len(sent) == len(set(sent))
    assert set(sent) == {(mail.address, mail.renewal_date) for mail in expected.mails}
    assert {on_its_day(mail) for mail in reminders(ReminderState.PLANNED)} == expected.mails
    assert {on_its_day(mail) for mail in reminders(ReminderState.HELD)} == expected.held
    assert set(OutgoingMail.objects.values_list("worker", flat=True)) == {
        f"{socket.gethostname()[:80]}:{worker.pid}"
    }
    assert answers(f"{web}/health/ready")
