from datetime import date

import pytest

from accounts.enums import ReminderState, TaskOrigin, TaskPool, TaskState
from accounts.models import RenewalReminder, Task
from accounts.services.decisions import keep_contract, load_decision
from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from tests.accounts.deciding import READ_AT, remind
from tests.factories import ContactFactory, ContractFactory, cancel


@pytest.fixture(autouse=True)
def clock_stands(time_machine):
    time_machine.move_to(READ_AT, tick=False)


@pytest.fixture
def api(make_api_client):
    return make_api_client("contracts:read", "contracts:write")


def keep(api, contract, **body):
    return api.post(f"contracts/{contract.pk}/keep/", body)


def kept(contract) -> list[dict]:
    return [event.facts for event in contract.timeline.filter(kind="contract_kept")]


def refusal(response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_keeping_is_noted_on_the_timeline_and_the_reminder(api):
    reminder = remind()
    contract = reminder.contract
    response = keep(api, contract, contact=reminder.contact_id)
    assert response.status_code == 200
    assert response.json() == api.get(f"contracts/{contract.pk}/").json()
    reminder.refresh_from_db()
    assert reminder.kept_at == READ_AT
    assert kept(contract) == [{"renewal_date": "2027-01-15", "contact_id": reminder.contact_id}]
    assert contract.timeline.get(kind="contract_kept").actor.is_machine


def test_renewal_that_nobody_was_reminded_of_is_kept_too(api):
    contract = ContractFactory()
    assert keep(api, contract).status_code == 200
    assert kept(contract) == [{"renewal_date": "2027-01-15", "contact_id": None}]


def test_second_time_and_second_door_change_nothing(api, time_machine):
    by_link, by_key = remind(), remind()
    keep_contract(reminder_id=by_link.pk, at=READ_AT)
    keep(api, by_key.contract)
    time_machine.shift(3600)
    for reminder in (by_link, by_key):
        assert keep(api, reminder.contract).status_code == 200
        reminder.refresh_from_db()
        assert reminder.kept_at == READ_AT
        assert len(kept(reminder.contract)) == 1


def test_link_of_a_later_reminder_says_that_the_contract_is_kept(api):
    contract = ContractFactory()
    keep(api, contract)
    reminder = remind(contract)
    at = instant_on(date(2026, 12, 10))
    keep_contract(reminder_id=reminder.pk, at=at)
    assert load_decision(reminder_id=reminder.pk, at=at).kept_at == READ_AT
    assert len(kept(contract)) == 1


def test_task_to_tell_the_customer_is_done_with_it(api):
    contract, other = ContractFactory(), ContractFactory()
    plan_renewal_reminders(at=READ_AT)  # nobody can be written to
    assert set(RenewalReminder.objects.values_list("state", flat=True)) == {ReminderState.NOBODY}
    keep(api, contract)
    task = Task.objects.get(contract=contract)
    assert (task.state, task.done_at) == (TaskState.DONE, READ_AT)
    assert Task.objects.get(contract=other).state == TaskState.OPEN


def test_task_is_done_too_where_the_customer_had_kept_by_the_link_before(api, time_machine):
    reminder = remind()
    contract = reminder.contract
    keep_contract(reminder_id=reminder.pk, at=READ_AT)
    task = Task.objects.create(
        account=contract.account,
        contract=contract,
        title="Call",
        due_on=READ_AT.date(),
        pool=TaskPool.SERVICE,
        origin=TaskOrigin.REMINDER_NOT_DELIVERED,
        origin_key=f"{contract.pk}:{reminder.renewal_date}",
        created_at=READ_AT,
    )
    time_machine.shift(3600)
    keep(api, contract)
    task.refresh_from_db()
    assert task.state == TaskState.DONE
    assert len(kept(contract)) == 1


def test_who_kept_may_still_cancel(api):
    contract = ContractFactory()
    keep(api, contract)
    response = api.post(f"contracts/{contract.pk}/cancel/", {"kind": "ordinary"})
    assert response.json()["ends_on"] == "2027-01-14"


def test_there_is_nothing_to_keep_of_what_does_not_renew(api, time_machine):
    cancelled, undecided, ended, open_ended = (
        ContractFactory(),
        ContractFactory(),
        ContractFactory(ends_on=date(2026, 12, 1)),
        ContractFactory(first_term_months=None, after_term="open_ended", renewal_term_months=None),
    )
    cancel(cancelled, date(2026, 12, 31), at=READ_AT)
    cancel(undecided, None, at=READ_AT)
    ended.state = "ended"
    ended.save(update_fields=["state"])
    for contract, code in (
        (cancelled, "nothing_to_decide"),
        (undecided, "nothing_to_decide"),
        (ended, "contract_is_over"),
        (open_ended, "nothing_to_decide"),
    ):
        assert refusal(keep(api, contract)) == (409, code)
        assert kept(contract) == []


def test_renewal_that_has_come_cannot_be_kept_any_more(api, time_machine):
    contract = ContractFactory()
    time_machine.move_to("2027-01-14T22:59:00+00:00", tick=False)
    early = keep(api, contract)
    assert early.status_code == 200
    other = ContractFactory()
    time_machine.move_to("2027-01-14T23:00:00+00:00", tick=False)  # midnight in Berlin
    assert refusal(keep(api, other)) == (409, "nothing_to_decide")


def test_customer_of_two_contacts_keeps_by_the_one_who_decides(api):
    contract = ContractFactory()
    decider = ContactFactory(account=contract.account)
    technician = ContactFactory(account=contract.account, role="technical")
    assert refusal(keep(api, contract, contact=technician.pk)) == (422, "may_not_decide")
    assert keep(api, contract, contact=decider.pk).status_code == 200
