"""Who gets what on a day, and why; and what is left of it once the day has come."""

import csv
from datetime import date, timedelta
from io import StringIO

import pytest
from django.urls import reverse

from accounts.models import ReminderPolicy, RenewalReminder
from accounts.services.policies import end_policy
from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import OutgoingMail
from cxcrm.users.enums import Role
from tests.agent_desk.rows import make_reminder
from tests.factories import (
    NOW,
    AccountFactory,
    ContactFactory,
    ContractFactory,
    ProductFactory,
)

PAGE = reverse("admin:accounts_reminderpolicy_dry_run")
DUE = date(2026, 12, 1)  # 45 days before 15 January 2027


def renewing(*, family: str = "hosting", reachable: bool = True, **account):
    account = AccountFactory(**account)
    if reachable:
        ContactFactory(account=account)
    return ContractFactory(
        account=account, product=ProductFactory(brand=account.brand, family=family)
    )


def page_of(name: str, *args) -> str:
    return reverse(f"admin:accounts_{name}", args=args)


def test_dry_run_tells_what_the_planner_then_does(desk):
    renewing()
    renewing(reachable=False)
    renewing(family="domain")
    renewing(country="FR", customer_kind="consumer")

    told = []
    for day in (date(2026, 10, 30), DUE, date(2026, 12, 4)):
        rows = desk(Role.AGENT).get(PAGE, {"on": day.isoformat()}).context["rows"]
        told += [
            (row.contract_id, row.step, row.policy_id, row.due_on, row.contact_id) for row in rows
        ]
    for day in range((date(2026, 12, 4) - NOW.date()).days + 1):
        plan_renewal_reminders(at=instant_on(NOW.date() + timedelta(days=day)))

    done = RenewalReminder.objects.order_by("due_on", "contract_id").values_list(
        "contract_id", "step", "policy_id", "due_on", "contact_id"
    )
    assert len(told) == 4
    assert told == list(done)


def test_dry_run_says_why_and_counts_the_outcomes(desk):
    renewing()
    renewing(reachable=False)

    response = desk(Role.AGENT).get(PAGE, {"on": DUE.isoformat()})

    counts = response.context["counts"].by_outcome
    assert {str(outcome): number for outcome, number in counts.items() if number} == {
        "mail": 1,
        "nobody": 1,
    }
    assert "45 days before the renewal date, at least 10 days to decide" in response.text
    assert "Nobody who may decide has a living address." in response.text
    assert "Everybody else" in response.text


def test_dry_run_writes_and_sends_nothing(desk):
    contract = renewing()

    desk(Role.CX_MANAGER).get(PAGE, {"on": DUE.isoformat()})

    contract.refresh_from_db()
    assert contract.remind_on == DUE
    assert not RenewalReminder.objects.exists()
    assert not OutgoingMail.objects.exists()


def test_dry_run_asks_for_tomorrow_and_says_that_nobody_is_told(desk):
    response = desk(Role.AGENT).get(PAGE)

    assert response.context["question"].on == date(2026, 6, 2)
    assert "Nobody is told of a renewal on this day" in response.text


@pytest.mark.parametrize("day", ["2026-05-31", "2027-06-03", "soon", ""])
def test_dry_run_refuses_days_that_it_cannot_tell_of(desk, day):
    response = desk(Role.AGENT).get(PAGE, {"on": day})

    assert list(response.context["form"].errors) == ["on"]
    assert "question" not in response.context


def test_dry_run_can_be_narrowed_to_a_brand(desk):
    wanted, _other = renewing(), renewing()

    response = desk(Role.AGENT).get(PAGE, {"on": DUE.isoformat(), "brand": wanted.brand_id})

    assert [row.contract_id for row in response.context["rows"]] == [wanted.pk]


def test_dry_run_goes_on_page_by_page(desk, monkeypatch):
    monkeypatch.setattr("accounts.admin.dry_run.ROWS_PER_PAGE", 2)
    contracts = [renewing() for _ in range(3)]
    client = desk(Role.AGENT)

    first = client.get(PAGE, {"on": DUE.isoformat()})
    second = client.get(f"{PAGE}?{first.context['following']}")

    pages = [[row.contract_id for row in page.context["rows"]] for page in (first, second)]
    assert pages == [[contract.pk for contract in contracts[:2]], [contracts[2].pk]]
    assert second.context["following"] == ""


def test_dry_run_leaves_as_a_file(desk, monkeypatch):
    monkeypatch.setattr("accounts.admin.dry_run._ROWS_PER_FETCH", 1)
    contracts = [renewing(), renewing(family="domain"), renewing()]
    client = desk(Role.TEAM_LEAD)
    url = page_of("reminderpolicy_dry_run_export", "csv")

    response = client.get(url, {"on": DUE.isoformat()})

    lines = list(csv.reader(StringIO(response.getvalue().decode("utf-8-sig"))))
    assert [line[0] for line in lines] == [
        "Contract",
        contracts[0].external_id,
        contracts[2].external_id,
    ]
    assert lines[1][3:9] == [
        "2027-01-15",
        "2026-12-14",
        "Everybody else",
        "1",
        "2026-12-01",
        "Mail",
    ]


def test_contracts_that_no_policy_serves_are_listed_and_say_so(desk):
    unserved, served = renewing(), renewing(family="domain")
    end_policy(
        policy_id=ReminderPolicy.objects.get(name="Everybody else").pk,
        last_day=date(2026, 12, 31),
        at=NOW,
    )
    client = desk(Role.AGENT)

    rows = client.get(page_of("contract_changelist"), {"show": "unserved"}).context["cl"]

    assert list(rows.result_list) == [unserved]
    words = "No policy serves this contract"
    assert words in client.get(page_of("contract_change", unserved.pk)).text
    assert words not in client.get(page_of("contract_change", served.pk)).text


def test_page_of_a_contract_tells_the_next_reminders_and_why(desk):
    contract = renewing(family="domain")

    text = desk(Role.AGENT).get(page_of("contract_change", contract.pk)).text

    for shown in (
        "Dec. 4, 2026",
        "30 days before the renewal date, at least 10 days to decide",
        "Jan. 8, 2027",
        "7 days before the renewal date",
    ):
        assert shown in text
    assert "days after the contract" not in text


def test_page_of_a_reminder_shows_its_proof(desk):
    reminder = make_reminder()
    RenewalReminder.objects.update(
        accepted_at=NOW, accepted_by="mx.relay.example", bounced_at=None, kept_at=NOW
    )
    client = desk(Role.AGENT)

    text = client.get(page_of("renewalreminder_change", reminder.pk)).text

    mail = OutgoingMail.objects.get(subject_id=reminder.pk)
    for shown in (
        "Everybody else",
        "by mx.relay.example",
        reverse("admin:outbox_outgoingmail_change", args=[mail.pk]),
    ):
        assert shown in text


def test_reminders_that_were_late_and_that_clashed_have_lists(desk):
    on_time, late, clash = make_reminder(), make_reminder(), make_reminder()
    RenewalReminder.objects.filter(pk=late.pk).update(due_on=date(2026, 11, 30))
    RenewalReminder.objects.filter(pk=clash.pk).update(is_clash=True)
    client = desk(Role.AGENT)

    def listed(view: str) -> set[int]:
        page = client.get(page_of("renewalreminder_changelist"), {"show": view})
        return {row.pk for row in page.context["cl"].result_list}

    assert [listed("late"), listed("clash")] == [{late.pk}, {clash.pk}]
    assert listed("all") == {on_time.pk, late.pk, clash.pk}


def test_list_of_reminders_leads_to_the_dry_run(desk):
    response = desk(Role.AGENT).get(page_of("renewalreminder_dry_run"))

    assert response["Location"] == PAGE
