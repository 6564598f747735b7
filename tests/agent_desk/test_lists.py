from datetime import date

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cxcrm.base.admin import BoundedPaginator
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import AccountFactory, BrandFactory, ContractFactory, cancel

# Session, user and roles take three; the bounded count and the rows one each; a filter of
# brands, product families or account managers one more; so does whether mails are on hold.
LISTS = [
    ("accounts_account", rows.make_account, 7),
    ("accounts_contact", rows.make_contact, 5),
    ("accounts_contract", rows.make_contract, 7),
    ("accounts_cancellation", rows.make_cancellation, 6),
    ("accounts_cancellationreason", rows.make_reason, 5),
    ("accounts_lostaccount", rows.make_lost_account, 6),
    ("accounts_task", rows.make_task, 5),
    ("accounts_renewalreminder", rows.make_reminder, 5),
    # The steps are one more.
    ("accounts_reminderpolicy", rows.make_policy, 6),
    ("accounts_timelineevent", rows.make_event, 5),
    ("accounts_product", rows.make_product, 7),
    ("accounts_brand", rows.make_brand, 5),
    ("accounts_exchangerate", rows.make_rate, 5),
    ("accounts_importrun", rows.make_import, 5),
    ("accounts_importmapping", rows.make_mapping, 5),
    ("accounts_importissue", rows.make_issue, 5),
    ("outbox_outgoingmail", rows.make_mail, 6),
    ("outbox_mailwording", rows.make_wording, 5),
    ("outbox_mailaddress", rows.make_address, 5),
    ("outbox_recipientdomain", rows.make_limit, 5),
    # The brands of the keys, and those of the filter, are one more each.
    ("api_apikey", rows.make_api_key, 7),
    ("base_job", rows.make_job, 5),
    ("base_jobrefusal", rows.make_refusal, 5),
]


def listed(response) -> list:
    return [str(row) for row in response.context["cl"].result_list]


@pytest.mark.parametrize(("name", "make", "queries"), LISTS)
def test_list_takes_the_same_queries_for_one_row_and_for_three(desk, name, make, queries):
    client = desk(Role.ADMINISTRATOR)
    url = reverse(f"admin:{name}_changelist")

    for more in (1, 2):
        for _ in range(more):
            make()
        with CaptureQueriesContext(connection) as captured:
            response = client.get(url)
        assert response.status_code == 200
        assert len(captured) == queries

    assert response.context["cl"].result_count >= 3


def test_list_counts_no_further_than_its_limit(desk, monkeypatch):
    monkeypatch.setattr(BoundedPaginator, "limit", 2)
    client = desk(Role.AGENT)
    url = reverse("admin:accounts_account_changelist")

    AccountFactory.create_batch(2)
    exact = client.get(url)
    AccountFactory()
    with CaptureQueriesContext(connection) as captured:
        bounded = client.get(url)

    assert exact.context["cl"].paginator.exceeds_limit is False
    assert "2+" not in exact.text
    assert "2+" in bounded.text
    assert bounded.context["cl"].result_count == 2
    [count] = [query["sql"] for query in captured if "COUNT(*)" in query["sql"]]
    assert "LIMIT 3" in count


def test_list_is_newest_first_and_not_sorted_by_wish(desk):
    first, second = AccountFactory(name="A"), AccountFactory(name="B")
    client = desk(Role.AGENT)

    response = client.get(reverse("admin:accounts_account_changelist"), {"o": "1"})

    assert listed(response) == [str(second), str(first)]


def test_contracts_can_be_narrowed_to_what_renews_soon_earliest_first(desk):
    later = ContractFactory(starts_on=date(2025, 7, 10), external_id="LATER")
    sooner = ContractFactory(starts_on=date(2025, 6, 20), external_id="SOONER")
    ContractFactory(starts_on=date(2025, 9, 1))
    client = desk(Role.AGENT)

    response = client.get(reverse("admin:accounts_contract_changelist"), {"show": "renewing-45"})

    assert listed(response) == [str(sooner), str(later)]


def test_contracts_can_be_narrowed_by_brand_term_and_notice(desk):
    fixed = ContractFactory(external_id="FIXED")
    rolling = ContractFactory(
        external_id="ROLLING", first_term_months=1, renewal_term_months=1, notice_months=0
    )
    client = desk(Role.AGENT)
    url = reverse("admin:accounts_contract_changelist")
    cancel(fixed, rows.REMINDER_DAY.date())

    of_brand = client.get(url, {"brand__id__exact": rolling.brand_id})

    assert listed(of_brand) == ["ROLLING"]
    assert listed(client.get(url, {"term": "rolling"})) == ["ROLLING"]
    assert listed(client.get(url, {"term": "fixed"})) == ["FIXED"]
    assert listed(client.get(url, {"show": "under-notice"})) == ["FIXED"]
    cancel(rolling, None)
    assert listed(client.get(url, {"show": "under-notice"})) == ["ROLLING", "FIXED"]


@pytest.mark.parametrize("lookup", ["name__regex", "created_at__year", "brand__name", "notes"])
def test_list_refuses_what_it_does_not_offer(desk, lookup):
    AccountFactory()
    client = desk(Role.AGENT)

    response = client.get(reverse("admin:accounts_account_changelist"), {lookup: "(a+)+$"})

    assert response.status_code in {302, 400}
    if response.status_code == 302:
        assert response["Location"].endswith("?e=1")


def test_no_list_offers_deletion(desk):
    client = desk(Role.ADMINISTRATOR, is_superuser=True)
    account = AccountFactory(brand=BrandFactory())

    for model_admin in admin.site._registry.values():
        options = model_admin.opts
        url = reverse(f"admin:{options.app_label}_{options.model_name}_delete", args=[account.pk])
        assert client.post(url, {"post": "yes"}).status_code in {302, 403}

    account.refresh_from_db()
