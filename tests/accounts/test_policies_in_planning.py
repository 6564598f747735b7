"""Which policy holds, and what follows when policies change."""

from datetime import date, timedelta

import pytest

from accounts.enums import ReminderState, StepAnchor
from accounts.models import Contract, ReminderPolicy, ReminderPolicyStep, RenewalReminder
from accounts.selectors.policies import dry_run, unserved
from accounts.services.customers import keep_account
from accounts.services.due_work import run_due_work
from accounts.services.policies import end_policy, replace_policy, save_policy
from accounts.services.policy_following import follow_policies
from accounts.services.products import keep_product
from accounts.services.renewals import plan_renewal_reminders
from accounts.sql.contract_dates import refresh_contract_dates
from accounts.sql.planned_steps import planned_steps
from cxcrm.base.clock import instant_on
from tests.factories import AccountFactory, ContactFactory, ContractFactory, cancel

pytestmark = pytest.mark.django_db

RENEWAL = date(2027, 1, 15)  # of the factory's contract
DAY = timedelta(days=1)
NOW = instant_on(date(2026, 6, 2))


def policy(name: str, *days_before: int, **fields) -> ReminderPolicy:
    """With steps so many days before the renewal date."""
    return save_policy(
        policy=ReminderPolicy(name=name, **fields),
        steps=[
            ReminderPolicyStep(anchor=StepAnchor.RENEWAL_DATE, days_before=days)
            for days in days_before
        ],
    )


@pytest.fixture
def contract() -> Contract:
    account = AccountFactory(country="US", region="NY", customer_kind="consumer")
    ContactFactory(account=account)
    return ContractFactory(account=account, notice_months=0)


def remind_on(contract: Contract) -> date | None:
    refresh_contract_dates(contract_ids=[contract.pk], at=NOW)
    contract.refresh_from_db()
    return contract.remind_on


# --- Which policy holds


def test_the_policy_that_names_more_holds(contract):
    brand = contract.brand
    fields = {
        "brand": brand,
        "product_family": "hosting",
        "customer_kind": "consumer",
        "country": "US",
    }
    days = 50
    for name in fields:
        policy(name, days, **{name: fields[name]})
        days += 1
    assert remind_on(contract) == RENEWAL - timedelta(days=53)  # the country

    policy("two", 60, brand=brand, product_family="hosting")
    assert remind_on(contract) == RENEWAL - timedelta(days=60)
    policy("state", 61, country="US", region="NY")
    assert remind_on(contract) == RENEWAL - timedelta(days=61)
    policy("three", 62, brand=brand, product_family="hosting", customer_kind="consumer")
    assert remind_on(contract) == RENEWAL - timedelta(days=62)


@pytest.mark.parametrize(
    "fields",
    [
        {"country": "DE"},
        {"country": "US", "region": "TX"},
        {"customer_kind": "business"},
        {"product_family": "server"},
        {"min_term_days": 366, "country": "US"},
        {"country": "US", "effective_from": RENEWAL + DAY},
        {"country": "US", "effective_until": RENEWAL - DAY},
    ],
)
def test_policy_that_is_about_others_does_not_hold(contract, fields):
    policy("others", 60, **fields)

    assert remind_on(contract) == RENEWAL - timedelta(days=45)


@pytest.mark.parametrize(
    "fields",
    [
        {"min_term_days": 365},
        {"effective_from": RENEWAL},
        {"effective_until": RENEWAL},
        {"first_term_only": True},
    ],
)
def test_policy_holds_up_to_its_bounds(contract, fields):
    policy("ours", 60, country="US", **fields)

    assert remind_on(contract) == RENEWAL - timedelta(days=60)


def test_policy_for_first_terms_leaves_the_further_ones_to_the_next(contract):
    policy("first", 60, country="US", first_term_only=True)

    Contract.objects.filter(pk=contract.pk).update(starts_on=date(2025, 1, 15))

    assert remind_on(contract) == RENEWAL - timedelta(days=45)


def test_contract_without_any_policy_is_listed(contract):
    assert set(unserved(Contract.objects.all())) == set()
    end_policy(
        policy_id=ReminderPolicy.objects.get(name="Everybody else").pk,
        last_day=RENEWAL - DAY,
        at=NOW,
    )

    assert remind_on(contract) is None
    assert set(unserved(Contract.objects.all())) == {contract}
    policy("New York", 45, country="US", region="NY")
    assert set(unserved(Contract.objects.all())) == set()
    cancel(contract, RENEWAL - DAY)
    assert set(unserved(Contract.objects.all())) == set()


# --- When policies change


def test_contracts_follow_a_policy_that_changes(contract):
    assert follow_policies(at=NOW) == 0
    policy("ours", 60, country="US")

    assert run_due_work(at=NOW)["followed"] == 1

    contract.refresh_from_db()
    assert contract.remind_on == RENEWAL - timedelta(days=60)
    assert set(ReminderPolicy.objects.values_list("followed_at", flat=True)) == {NOW}
    assert run_due_work(at=NOW + timedelta(hours=1))["followed"] == 0


def test_rule_that_changes_from_a_day_on_makes_nobody_late(contract):
    later = ContractFactory(account=contract.account, starts_on=date(2026, 3, 15), notice_months=0)
    everybody = ReminderPolicy.objects.get(name="Everybody else")
    changed = replace_policy(
        policy_id=everybody.pk, first_day=date(2027, 3, 1), name="New rule", at=NOW
    )
    step = changed.steps.get()
    step.days_before = 100
    save_policy(policy=changed, steps=[step])

    run_due_work(at=NOW)

    contract.refresh_from_db()
    later.refresh_from_db()
    assert contract.remind_on == RENEWAL - timedelta(days=45)
    assert later.remind_on == date(2027, 3, 15) - timedelta(days=100)


def test_contracts_are_repaired_once_a_day(contract):
    run_due_work(at=NOW)
    Contract.objects.filter(pk=contract.pk).update(remind_on=None, remind_step=None)

    assert run_due_work(at=NOW + timedelta(hours=2))["followed"] == 0
    assert run_due_work(at=NOW + DAY)["followed"] == 1

    contract.refresh_from_db()
    assert contract.remind_on == RENEWAL - timedelta(days=45)


def test_repair_does_not_pass_over_a_renewal_that_is_not_noted(contract):
    after = instant_on(RENEWAL + DAY)

    follow_policies(at=after)

    contract.refresh_from_db()
    assert contract.renewal_date == RENEWAL


def test_policy_that_changes_while_it_is_followed_is_followed_again(contract, monkeypatch):
    from accounts.services import policy_following

    waiting = []

    def change_meanwhile(**params) -> int:
        ReminderPolicy.objects.filter(name="Domains").update(name="Changed")
        names = ReminderPolicy.objects.filter(followed_at=None).values_list("name", flat=True)
        waiting.append(set(names))
        return refresh(**params)

    ReminderPolicy.objects.update(followed_at=None)
    everybody = set(ReminderPolicy.objects.values_list("name", flat=True))
    refresh = policy_following.repair_contract_dates
    monkeypatch.setattr(policy_following, "repair_contract_dates", change_meanwhile)

    follow_policies(at=NOW)

    assert waiting == [everybody - {"Domains"} | {"Changed"}, {"Changed"}]
    assert not ReminderPolicy.objects.filter(followed_at=None).exists()


def test_following_goes_on_where_the_run_before_had_to_stop(contract, monkeypatch):
    monkeypatch.setattr("accounts.services.policy_following.IDS_AT_ONCE", contract.pk)
    second = ContractFactory(account=contract.account, notice_months=0)
    policy("ours", 60, country="US")
    monkeypatch.setattr("accounts.services.policy_following.MOST_SECONDS", 0)

    def moved() -> list[bool]:
        follow_policies(at=NOW)
        followed = Contract.objects.filter(remind_on=RENEWAL - timedelta(days=60))
        return [followed.filter(pk=one.pk).exists() for one in (contract, second)]

    assert moved() == [True, False]
    policy("theirs", 50, country="FR")
    # The new one is followed from the start, which brings nobody further.
    assert moved() == [True, False]
    assert moved() == [True, True]
    assert set(ReminderPolicy.objects.values_list("followed_at", "followed_up_to")) == {(NOW, 0)}


# --- When the steps of a policy change


def told(contract) -> list[tuple]:
    rows = RenewalReminder.objects.filter(contract=contract, state=ReminderState.PLANNED)
    return list(rows.order_by("decided_on").values_list("step", "due_on", "decided_on"))


@pytest.fixture
def told_45_days_before(contract):
    changing = policy("ours", 45, country="US")
    run_due_work(at=NOW)
    run_due_work(at=instant_on(date(2026, 12, 2)))
    assert told(contract) == [(1, date(2026, 12, 1), date(2026, 12, 2))]
    return changing


@pytest.mark.parametrize("days_before", [60, 45, 44])
def test_step_that_lies_before_what_was_told_mails_nobody(
    contract, told_45_days_before, days_before
):
    steps = [*told_45_days_before.steps.all(), ReminderPolicyStep(days_before=days_before)]
    save_policy(policy=told_45_days_before, steps=steps)
    today = date(2026, 12, 20)

    run_due_work(at=instant_on(today))

    assert len(told(contract)) == 1
    contract.refresh_from_db()
    assert contract.remind_on is None
    assert planned_steps(contract_id=contract.pk, on=today) == []
    assert dry_run(on=today, today=today, limit=9).rows == []


def test_step_that_takes_another_ones_place_mails_nobody(contract, told_45_days_before):
    save_policy(policy=told_45_days_before, steps=[ReminderPolicyStep(days_before=46)])

    run_due_work(at=instant_on(date(2026, 12, 3)))

    assert len(told(contract)) == 1


def test_step_that_lies_behind_what_was_told_goes(contract, told_45_days_before):
    steps = [*told_45_days_before.steps.all(), ReminderPolicyStep(days_before=10)]
    save_policy(policy=told_45_days_before, steps=steps)

    run_due_work(at=instant_on(date(2026, 12, 20)))
    run_due_work(at=instant_on(date(2027, 1, 5)))

    assert told(contract)[1:] == [(2, date(2027, 1, 5), date(2027, 1, 5))]


# --- When customers and products change


def test_contracts_follow_an_account_that_is_changed(contract):
    account = contract.account
    policy("Canada", 60, country="CA")
    follow_policies(at=NOW)
    account.country = "CA"
    account.region = ""

    keep_account(account=account, at=NOW)

    contract.refresh_from_db()
    assert contract.remind_on == RENEWAL - timedelta(days=60)


def test_contracts_follow_a_product_that_is_changed(contract):
    policy("Certificates", 60, country="US", product_family="certificate")
    follow_policies(at=NOW)
    contract.product.family = "certificate"

    keep_product(contract.product)

    assert run_due_work(at=NOW)["followed"] == 1
    contract.refresh_from_db()
    assert contract.remind_on == RENEWAL - timedelta(days=60)


def test_day_that_an_old_policy_planned_is_looked_at_again(contract):
    """Between the change of a policy and its following nothing goes by the old rule."""
    policy("later", 20, country="US")

    plan_renewal_reminders(at=instant_on(RENEWAL - timedelta(days=45)))

    assert RenewalReminder.objects.count() == 0
    contract.refresh_from_db()
    assert contract.remind_on == RENEWAL - timedelta(days=20)
