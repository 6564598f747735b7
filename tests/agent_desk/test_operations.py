"""The operators' page and the metrics: the same figures, for people and for Prometheus."""

from datetime import timedelta

import pytest
from celery import current_app
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import Contract
from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from cxcrm.base.enums import ProcessKind
from cxcrm.base.models import ProcessSeen
from cxcrm.outbox.enums import HoldReason, MailReason, MailState
from cxcrm.outbox.models import DeliveryState, MailBounce, OutgoingMail
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import NOW, ContractFactory

OPERATIONS = "/desk/operations/"
METRICS = "/metrics"
TOKEN = "a-token-of-the-operators"


def make_mail(**fields) -> OutgoingMail:
    mail = rows.make_mail()
    OutgoingMail.objects.filter(pk=mail.pk).update(**{"due_at": NOW} | fields)
    return mail


def see(kind: ProcessKind, name: str, *, seconds_ago: int) -> None:
    seen_at = NOW - timedelta(seconds=seconds_ago)
    ProcessSeen.objects.create(kind=kind, name=name, first_seen_at=seen_at, seen_at=seen_at)


@pytest.fixture
def all_alive(db) -> None:
    see(ProcessKind.WORKER, "one:1", seconds_ago=1)
    see(ProcessKind.BEAT, "one:2", seconds_ago=1)


@pytest.fixture
def look(desk):
    """The figures that the page shows to a lead."""
    client = desk(Role.TEAM_LEAD)

    def at_the_page():
        response = client.get(OPERATIONS)
        figures = response.context["operations"]
        problems = [str(problem) for problem in figures.problems]
        assert all(problem in response.text for problem in problems)
        return figures, problems

    return at_the_page


@pytest.fixture
def scrape(db, settings):
    """The gauges as Prometheus reads them: `{(name, label values by name of label): value}`."""
    settings.CXCRM_METRICS_TOKEN = TOKEN

    def by_prometheus() -> dict:
        response = Client().get(METRICS, headers={"Authorization": f"Bearer {TOKEN}"})
        assert response.status_code == 200
        return {
            (sample.name.removeprefix("cxcrm_"), *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
        }

    return by_prometheus


def test_all_is_well_where_nothing_waits_and_all_live(look, all_alive):
    figures, problems = look()

    assert problems == []
    assert figures.on_their_way.number == 0


def test_nobody_working_needs_somebody(look):
    _figures, problems = look()

    assert problems == [
        "No worker gives a sign of life: nothing is sent and no import runs.",
        "No beat gives a sign of life: nothing that falls due is found.",
    ]


def test_a_process_is_silent_after_a_while_and_forgotten_after_a_day(look, all_alive):
    see(ProcessKind.WORKER, "two:7", seconds_ago=91)
    see(ProcessKind.WORKER, "three:8", seconds_ago=24 * 3600 + 1)

    figures, problems = look()

    seen = {process.name: process.is_silent for process in figures.processes}
    assert seen == {"one:1": False, "one:2": False, "two:7": True}
    assert problems == []


def test_queues_tell_the_oldest_due_mail_of_each_kind(look, scrape, all_alive):
    make_mail(due_at=NOW - timedelta(minutes=4))
    make_mail(due_at=NOW - timedelta(minutes=2), state=MailState.CLAIMED)
    make_mail(due_at=NOW + timedelta(hours=9), reason=MailReason.QUIET_HOURS)

    figures, problems = look()
    (queue,) = [queue for queue in figures.queues if queue.due]

    assert (queue.kind, queue.due, queue.later, queue.is_late) == ("renewal_reminder", 2, 1, False)
    assert [(each.reason, each.count) for each in figures.waiting] == [("quiet_hours", 1)]
    assert problems == []
    gauges = scrape()
    assert gauges["mails_due", "renewal_reminder"] == 2
    assert gauges["mail_oldest_due_age_seconds", "renewal_reminder"] == 240
    assert gauges["mails", "renewal_reminder", "quiet_hours", "queued"] == 1


@pytest.mark.parametrize(
    ("accepted_minutes_ago", "problem"),
    [
        (4, "Mails are late, but they are being worked off."),
        (6, "Mails are late, and none was accepted in the last minutes."),
    ],
)
def test_late_mails_are_told_from_a_wave_that_is_being_worked_off(
    look, all_alive, accepted_minutes_ago, problem
):
    make_mail(due_at=NOW - timedelta(minutes=6))
    ended_at = NOW - timedelta(minutes=accepted_minutes_ago)
    make_mail(state=MailState.ACCEPTED, finished_at=ended_at)

    assert look()[1] == [problem]


def test_rates_count_what_was_accepted_within_each_window(look, scrape, all_alive):
    for minutes in (1, 30, 31, 600, 1_441):
        make_mail(state=MailState.ACCEPTED, finished_at=NOW - timedelta(minutes=minutes))
    make_mail(state=MailState.FAILED, reason=MailReason.REFUSED, finished_at=NOW)

    figures, _problems = look()

    assert [rate.accepted.number for rate in figures.rates] == [1, 3, 4]
    assert figures.rates[0].per_minute == 0.2
    gauges = scrape()
    assert gauges["mails_accepted", "60m"] == 3


def test_what_did_not_go_out_is_counted_by_reason(look, scrape, all_alive):
    for hours in (1, 25, 24 * 7 + 1):
        make_mail(
            state=MailState.SUPPRESSED,
            reason=MailReason.NOT_NEEDED,
            finished_at=NOW - timedelta(hours=hours),
        )
    make_mail(state=MailState.FAILED, reason=MailReason.REFUSED, finished_at=NOW)

    figures, _problems = look()

    assert [
        (each.state, each.reason, each.recent, each.count.number) for each in figures.stopped
    ] == [("failed", "refused", 1, 1), ("suppressed", "not_needed", 1, 2)]
    gauges = scrape()
    assert gauges["mails_stopped", "not_needed", "suppressed", "1d"] == 1
    assert gauges["mails_stopped", "not_needed", "suppressed", "7d"] == 2


def test_reasons_lead_to_the_mails_that_have_them(desk, all_alive):
    refused = make_mail(state=MailState.FAILED, reason=MailReason.REFUSED, finished_at=NOW)
    make_mail(state=MailState.FAILED, reason=MailReason.NOT_WRITTEN, finished_at=NOW)
    client = desk(Role.TEAM_LEAD)
    link = "/desk/outbox/outgoingmail/?show=failed&reason=refused"

    assert link.replace("&", "&amp;") in client.get(OPERATIONS).text
    assert list(client.get(link).context["cl"].result_list) == [refused]


def test_what_came_back_is_counted_by_kind(look, scrape, all_alive):
    mail = make_mail()
    for number, days in enumerate((0, 2, 8)):
        MailBounce.objects.create(
            address=mail.address,
            kind="hard",
            source="mailbox",
            event_id=str(number),
            occurred_at=NOW - timedelta(days=days),
        )

    figures, _problems = look()

    assert [(each.kind, each.recent, each.count) for each in figures.came_back] == [
        ("hard", 1, 2),
        ("soft", 0, 0),
        ("complaint", 0, 0),
    ]
    assert scrape()["mails_came_back", "hard", "7d"] == 2


def test_hold_is_the_first_thing_to_be_told(look, scrape, all_alive):
    make_mail(due_at=NOW - timedelta(minutes=6))
    DeliveryState.objects.update_or_create(
        pk=1, defaults={"held_since": NOW, "hold_reason": HoldReason.RESTORED}
    )

    assert look()[1] == ["No mail leaves: sending is on hold."]
    assert scrape()[("mail_held",)] == 1


def test_reminders_of_past_days_that_are_not_decided_need_somebody(look, scrape, all_alive):
    contract = ContractFactory()
    yesterday = NOW.date() - timedelta(days=1)
    Contract.objects.filter(pk=contract.pk).update(remind_on=yesterday, remind_step=1)

    figures, problems = look()

    assert problems == ["Reminders of past days are not decided yet."]
    assert (figures.reminders.count.number, figures.reminders.since) == (1, yesterday)
    # Since the beginning of that day.
    assert scrape()[("reminders_oldest_age_seconds",)] == 86_400 + 10 * 3600


def test_reminders_of_today_are_not_late(look, all_alive):
    contract = ContractFactory()
    Contract.objects.filter(pk=contract.pk).update(remind_on=NOW.date(), remind_step=1)

    assert look()[1] == []


def test_an_import_that_waits_for_long_needs_somebody(look, scrape, all_alive):
    run = rows.make_import()
    run.state = "queued"
    run.started_at, run.finished_at = NOW - timedelta(minutes=6), None
    run.save()

    assert look()[1] == ["An import waits or runs for long."]
    gauges = scrape()
    assert gauges[("imports_waiting",)] == 1
    assert gauges[("imports_oldest_age_seconds",)] == 360


def test_page_reads_the_same_number_of_queries_however_much_there_is(desk, all_alive):
    client = desk(Role.TEAM_LEAD)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(OPERATIONS).status_code == 200
        return len(captured)

    before = queries()
    for number in range(3):
        make_mail(state=MailState.FAILED, reason=MailReason.REFUSED, finished_at=NOW)
        make_mail()
        see(ProcessKind.WORKER, f"other:{number}", seconds_ago=200)

    # Beside the nine of the figures, five for session, user, roles and permissions.
    assert (before, queries()) == (14, 14)


def test_page_that_stands_still_does_not_look_again(desk, all_alive):
    client = desk(Role.TEAM_LEAD)

    assert 'hx-trigger="every 15s"' in client.get(OPERATIONS).text
    still = client.get(f"{OPERATIONS}?still").text
    assert "hx-trigger" not in still.partition('id="operations"')[2][:300]
    assert "http-equiv" not in still


def test_page_and_metrics_tell_that_the_broker_is_away(look, scrape, all_alive):
    url = current_app.conf.broker_write_url
    current_app.conf.broker_write_url = "redis://127.0.0.1:1/0"
    try:
        problems, gauges = look()[1], scrape()
    finally:
        current_app.conf.broker_write_url = url

    assert problems == ["The broker does not answer: workers hear of nothing until it does."]
    assert gauges[("broker_up",)] == 0


def test_metrics_are_there_for_the_token_alone(client, db, settings):
    assert client.get(METRICS).status_code == 404

    settings.CXCRM_METRICS_TOKEN = TOKEN
    refused = [
        client.get(METRICS, headers=headers)
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": TOKEN})
    ]

    assert [answer.status_code for answer in refused] == [401] * 3
    assert {answer["WWW-Authenticate"] for answer in refused} == {"Bearer"}
    assert b"cxcrm_" not in b"".join(answer.content for answer in refused)
    assert client.post(METRICS).status_code == 405


def test_metrics_name_processes_by_number_alone(scrape, all_alive):
    see(ProcessKind.WORKER, "two:7", seconds_ago=91)

    gauges = scrape()

    assert gauges["processes", "worker", "alive"] == 1
    assert gauges["processes", "worker", "silent"] == 1
    assert gauges["processes", "beat", "alive"] == 1
    assert gauges[("database_up",)] == 1


def test_metrics_hold_nothing_about_anybody(client, db, settings):
    settings.CXCRM_METRICS_TOKEN = TOKEN
    contract = ContractFactory()
    mail = rows.make_mail()
    plan_renewal_reminders(at=instant_on(contract.remind_on))

    text = client.get(METRICS, headers={"Authorization": f"Bearer {TOKEN}"}).text

    assert 'cxcrm_mails{kind="renewal_reminder"' in text
    for personal in (mail.address.address, contract.account.name, contract.external_id):
        assert personal not in text
