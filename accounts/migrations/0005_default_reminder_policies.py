"""The reminder policies that hold until somebody changes them, and what was planned before them."""

from django.db import migrations

RENEWAL = "renewal_date"
DEADLINE = "notice_deadline"

ICANN_LAST = [{"anchor": RENEWAL, "days_before": 7}, {"anchor": RENEWAL, "days_before": -3}]
FRENCH_WINDOW = {
    "anchor": DEADLINE,
    "days_before": 45,
    "earliest_months": 3,
    "latest_months": 1,
}
CALIFORNIAN_WINDOW = {
    "anchor": RENEWAL,
    "least_days_to_decide": 10,
    "earliest_days": 45,
    "latest_days": 15,
}
A_MONTH_BEFORE = {"anchor": RENEWAL, "days_before": 30}

POLICIES = [
    (
        "Everybody else",
        {},
        [{"anchor": RENEWAL, "days_before": 45, "least_days_to_decide": 10}],
    ),
    (
        "France, consumers",
        {"country": "FR", "customer_kind": "consumer", "missed_window_frees": True},
        [FRENCH_WINDOW],
    ),
    (
        "California, first term of a year or more",
        {"country": "US", "region": "CA", "min_term_days": 365, "first_term_only": True},
        [CALIFORNIAN_WINDOW | {"days_before": 45}],
    ),
    (
        "Domains",
        {"product_family": "domain"},
        [A_MONTH_BEFORE | {"least_days_to_decide": 10}, *ICANN_LAST],
    ),
    (
        "Domains, consumers in France",
        {
            "country": "FR",
            "customer_kind": "consumer",
            "product_family": "domain",
            "missed_window_frees": True,
        },
        [FRENCH_WINDOW, A_MONTH_BEFORE, *ICANN_LAST],
    ),
    (
        "Domains in California, first term of a year or more",
        {
            "country": "US",
            "region": "CA",
            "product_family": "domain",
            "min_term_days": 365,
            "first_term_only": True,
        },
        [CALIFORNIAN_WINDOW | {"days_before": 30}, *ICANN_LAST],
    ),
]


def add_policies(apps, schema_editor) -> None:
    policies = apps.get_model("accounts", "ReminderPolicy")
    steps = apps.get_model("accounts", "ReminderPolicyStep")
    for name, fields, listed in POLICIES:
        policy = policies.objects.create(name=name, **fields)
        steps.objects.bulk_create(
            steps(policy=policy, number=number, **step) for number, step in enumerate(listed, 1)
        )


def note_steps(apps, schema_editor) -> None:
    """What is planned was planned as the only step there was; nightly repair brings the rest."""
    contracts = apps.get_model("accounts", "Contract")
    contracts.objects.filter(remind_on__isnull=False).update(remind_step=1)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_reminder_policies_decision_links")]

    operations = [
        migrations.RunPython(add_policies, migrations.RunPython.noop),
        migrations.RunPython(note_steps, migrations.RunPython.noop),
    ]
