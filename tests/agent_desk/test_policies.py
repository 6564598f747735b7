"""Reminder policies as a CX manager edits them, through the pages."""

from datetime import date

import pytest
from django.urls import reverse

from accounts.enums import StepAnchor
from accounts.models import ReminderPolicy
from cxcrm.users.enums import Role
from tests.factories import NOW, ProductFactory, ReminderPolicyFactory

LIST = reverse("admin:accounts_reminderpolicy_changelist")
ADD = reverse("admin:accounts_reminderpolicy_add")


def page_of(policy: ReminderPolicy, name: str = "change") -> str:
    return reverse(f"admin:accounts_reminderpolicy_{name}", args=[policy.pk])


def filled_in(client, url: str, **answers) -> dict:
    """What the browser would post of the page at `url`, with these answers."""
    context = client.get(url).context
    [steps] = context["inline_admin_formsets"]
    forms = [context["adminform"].form, steps.formset.management_form, *steps.formset.forms]
    fields = [field for form in forms for field in form]
    said = {field.html_name: field.value() for field in fields}
    return {
        name: "on" if value is True else str(value)
        for name, value in said.items()
        if value not in (None, "") and value is not False
    } | answers


def errors_of(response) -> dict[str, list[str]]:
    """By field; those of the steps by `number of the row: field`."""
    [steps] = response.context["inline_admin_formsets"]
    errors = dict(response.context["adminform"].form.errors)
    for number, found in enumerate(steps.formset.errors):
        errors |= {f"{number}: {field}": messages for field, messages in found.items()}
    return errors


def steps_of(policy: ReminderPolicy) -> list[tuple]:
    return list(policy.steps.order_by("number").values_list("number", "anchor", "days_before"))


def test_list_tells_whom_each_policy_is_about_and_when_it_reminds(desk):
    text = desk(Role.AGENT).get(LIST).text

    assert "Consumers · France · domain" in text
    assert "45 days before the renewal date, at least 10 days to decide" in text
    assert "not earlier than 3 months before it, not later than 1 month before it" in text
    assert "3 days after the contract&#x27;s end" in text
    assert "first term only, term of 365 days or more" in text


def test_list_has_views_of_what_is_in_force_to_come_and_ended(desk):
    client = desk(Role.AGENT)
    ReminderPolicyFactory(name="Ended", country="PT", effective_until=date(2026, 5, 31))
    ReminderPolicyFactory(name="Now", country="IT", effective_until=date(2026, 6, 1))
    ReminderPolicyFactory(name="To come", country="NL", effective_from=date(2026, 6, 2))

    def names(view: str) -> set[str]:
        rows = client.get(LIST, {"show": view}).context["cl"].result_list
        return {policy.name for policy in rows} & {"Ended", "Now", "To come"}

    assert [names(view) for view in ("in-force", "to-come", "ended", "all")] == [
        {"Now"},
        {"To come"},
        {"Ended"},
        {"Ended", "Now", "To come"},
    ]


def test_manager_adds_a_policy_that_begins_as_the_usual_one(desk):
    ProductFactory(family="vps")
    client = desk(Role.CX_MANAGER)
    answers = filled_in(client, ADD, name="Servers in Spain", country="ES", product_family="vps")

    response = client.post(ADD, answers)

    assert response.status_code == 302
    policy = ReminderPolicy.objects.get(name="Servers in Spain")
    assert [policy.country.code, policy.product_family, policy.min_term_days] == ["ES", "vps", 90]
    assert policy.followed_at is None
    [step] = policy.steps.all()
    assert [step.number, step.days_before, step.least_days_to_decide, step.anchor] == [
        1,
        45,
        10,
        StepAnchor.RENEWAL_DATE,
    ]


@pytest.mark.parametrize(
    ("answers", "field", "message"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"name": "Everybody else"}, "name", "Reminder policy with this Name already exists."),
        ({"region": "CA", "country": ""}, "country", "A region needs its country."),
        ({"region": "C-A"}, "region", "Up to three letters or digits, like CA."),
        ({"product_family": "nothing"}, "product_family", "Select a valid choice."),
        ({"min_term_days": "4000"}, "min_term_days", "No term is longer than ten years."),
        (
            {"effective_from": "2027-01-01", "effective_until": "2026-12-31"},
            "effective_until",
            "It ends before it begins.",
        ),
        (
            {"country": "FR", "customer_kind": "consumer"},
            "effective_from",
            "“France, consumers” is about the same customers on some of these days: end it first.",
        ),
        ({"steps-0-days_before": "400"}, "0: days_before", "From 366 days before"),
        (
            {"steps-0-days_before": "-3", "steps-0-least_days_to_decide": "10"},
            "0: least_days_to_decide",
            "Leave it empty: after the end there is nothing to decide.",
        ),
        (
            {"steps-0-earliest_days": "15", "steps-0-latest_days": "45"},
            "0: latest_days",
            "The window ends before it begins.",
        ),
        ({"steps-0-earliest_months": "13"}, "0: earliest_months", "12 months at most."),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_and_nothing_is_written(
    desk, answers, field, message
):
    client = desk(Role.CX_MANAGER)
    before = ReminderPolicy.objects.count()

    response = client.post(
        ADD, filled_in(client, ADD, **{"name": "New", "country": "PT"} | answers)
    )

    assert response.status_code == 200
    errors = errors_of(response)
    assert list(errors) == [field]
    assert errors[field][0].startswith(message)
    assert ReminderPolicy.objects.count() == before


def test_policy_keeps_a_step_at_least(desk):
    client = desk(Role.CX_MANAGER)
    policy = ReminderPolicyFactory()

    response = client.post(
        page_of(policy), filled_in(client, page_of(policy), **{"steps-0-DELETE": "on"})
    )

    assert "A policy needs a step at least." in response.text
    assert policy.steps.count() == 1


def test_steps_keep_their_numbers_when_others_go_and_come(desk):
    client = desk(Role.CX_MANAGER)
    policy = ReminderPolicy.objects.get(name="Domains")
    url = page_of(policy)
    answers = filled_in(client, url) | {
        "steps-0-DELETE": "on",
        "steps-1-days_before": "9",
        "steps-TOTAL_FORMS": "4",
        "steps-3-days_before": "20",
        "steps-3-anchor": "notice_deadline",
    }

    response = client.post(url, answers)

    assert response.status_code == 302
    assert steps_of(policy) == [
        (2, "renewal_date", 9),
        (3, "renewal_date", -3),
        (4, "notice_deadline", 20),
    ]


def test_page_tells_who_changed_which_step(desk):
    client = desk(Role.CX_MANAGER, name="Ximena")
    policy = ReminderPolicy.objects.get(name="Domains")
    url = page_of(policy)

    client.post(url, filled_in(client, url, **{"steps-1-days_before": "9", "min_term_days": "80"}))

    changes = client.get(url).context["changes"]
    assert [(change.by.name, change.field, change.before, change.after) for change in changes] == [
        ("Ximena", "shortest term (days)", "90", "80"),
        ("Ximena", "step 2", "7 days before the renewal date", "9 days before the renewal date"),
    ]


def test_agents_read_policies_and_change_none(desk):
    client = desk(Role.AGENT)
    policy = ReminderPolicy.objects.get(name="Domains")
    before = steps_of(policy)

    page = client.get(page_of(policy))

    assert "30 days before the renewal date" in page.text
    assert "What happens when you save" not in page.text
    assert client.post(page_of(policy), {"name": "Mine"}).status_code == 403
    assert client.post(page_of(policy, "end"), {"last_day": "2027-01-01"}).status_code == 403
    policy.refresh_from_db()
    assert [policy.name, policy.effective_until, steps_of(policy)] == ["Domains", None, before]


def test_duplicate_ends_the_old_policy_and_opens_a_copy_from_the_day_on(desk):
    client = desk(Role.CX_MANAGER)
    policy = ReminderPolicy.objects.get(name="Domains, consumers in France")

    response = client.post(
        page_of(policy, "replace"),
        {"_form_submitted": "1", "first_day": "2027-03-01", "name": "Domains in France, new law"},
    )

    copied = ReminderPolicy.objects.get(name="Domains in France, new law")
    policy.refresh_from_db()
    assert response["Location"] == page_of(copied)
    assert [policy.effective_until, copied.effective_from] == [date(2027, 2, 28), date(2027, 3, 1)]
    assert [copied.effective_until, copied.country.code, copied.missed_window_frees] == [
        None,
        "FR",
        True,
    ]
    assert steps_of(copied) == steps_of(policy)
    assert steps_of(policy)[0] == (1, "notice_deadline", 45)


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"first_day": "2026-01-01", "name": "Copy"}, "first_day"),
        ({"first_day": "2028-01-01", "name": "Copy"}, "first_day"),
        ({"first_day": "0001-01-01", "name": "Copy"}, "first_day"),
        ({"first_day": "2026-05-30", "name": "Copy"}, "first_day"),
        ({"first_day": "2027-01-01", "name": "Domains"}, "name"),
    ],
)
def test_duplicate_refuses_days_that_are_not_its_own_and_names_that_are_taken(desk, answers, field):
    client = desk(Role.CX_MANAGER)
    policy = ReminderPolicyFactory(
        effective_from=date(2026, 1, 1), effective_until=date(2027, 12, 31)
    )
    before = ReminderPolicy.objects.count()

    response = client.post(page_of(policy, "replace"), {"_form_submitted": "1"} | answers)

    assert list(response.context["form"].errors) == [field]
    policy.refresh_from_db()
    assert policy.effective_until == date(2027, 12, 31)
    assert ReminderPolicy.objects.count() == before


def test_end_sets_the_last_renewal_date_and_has_the_contracts_follow(desk):
    client = desk(Role.CX_MANAGER)
    policy = ReminderPolicyFactory()
    ReminderPolicy.objects.update(followed_at=NOW)

    response = client.post(
        page_of(policy, "end"), {"_form_submitted": "1", "last_day": "2026-12-31"}
    )

    assert response.status_code == 302
    policy.refresh_from_db()
    assert [policy.effective_until, policy.followed_at] == [date(2026, 12, 31), None]


@pytest.mark.parametrize("last_day", ["0001-01-01", "2025-12-31", "2026-05-29", "2027-12-31"])
def test_end_refuses_days_before_it_begins_and_after_its_end(desk, last_day):
    client = desk(Role.CX_MANAGER)
    policy = ReminderPolicyFactory(
        effective_from=date(2026, 1, 1), effective_until=date(2027, 12, 31)
    )

    response = client.post(page_of(policy, "end"), {"_form_submitted": "1", "last_day": last_day})

    assert list(response.context["form"].errors) == ["last_day"]
    policy.refresh_from_db()
    assert policy.effective_until == date(2027, 12, 31)


@pytest.mark.parametrize("deed", ["end", "replace"])
@pytest.mark.parametrize("day", ["0001-01-01", "2026-05-29"])
def test_policy_of_ever_neither_ends_nor_is_replaced_in_the_past(desk, deed, day):
    client = desk(Role.CX_MANAGER)
    policy = ReminderPolicyFactory()
    answers = {"_form_submitted": "1", "name": "Copy"}

    response = client.post(page_of(policy, deed), answers | {"last_day": day, "first_day": day})

    field, message = {
        "end": ("last_day", "Yesterday at the earliest."),
        "replace": ("first_day", "Today at the earliest."),
    }[deed]
    assert response.context["form"].errors == {field: [message]}
    policy.refresh_from_db()
    assert policy.effective_until is None
    assert not ReminderPolicy.objects.filter(name="Copy").exists()


def test_page_lets_no_policy_end_in_the_past_and_leaves_one_that_is_over_alone(desk):
    client = desk(Role.CX_MANAGER)
    living, over = (
        ReminderPolicyFactory(country="PT"),
        ReminderPolicyFactory(country="IT", effective_until=date(2026, 1, 1)),
    )

    refused = client.post(
        page_of(living), filled_in(client, page_of(living), effective_until="2026-05-29")
    )
    renamed = client.post(page_of(over), filled_in(client, page_of(over), name="Italy, old"))

    assert errors_of(refused) == {"effective_until": ["Yesterday at the earliest."]}
    assert renamed.status_code == 302
    assert ReminderPolicy.objects.get(pk=over.pk).name == "Italy, old"


def test_policy_that_is_over_offers_no_deeds(desk):
    client = desk(Role.CX_MANAGER)
    over = ReminderPolicyFactory(effective_until=date(2026, 5, 31))
    living = ReminderPolicyFactory()

    offered = [
        [page_of(policy, deed) in client.get(page_of(policy)).text for deed in ("replace", "end")]
        for policy in (over, living)
    ]

    assert offered == [[False, False], [True, True]]
