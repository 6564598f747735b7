"""A list as a file: what it shows, all of it, for those who may."""

import csv
import io
from decimal import Decimal

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook
from structlog.testing import capture_logs

from accounts.enums import TaskPool
from cxcrm.base import exports
from cxcrm.base.admin import BoundedPaginator
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.agent_desk.test_lists import LISTS
from tests.factories import AccountFactory, ContactFactory, ContractFactory


def export_url(name: str, file_type: str = "csv") -> str:
    return reverse(f"admin:{name}_export", args=[file_type])


def table(response) -> list[list[str]]:
    content = response.getvalue().decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content, newline="")))


def test_every_list_of_the_desk_is_tried():
    tried = {name for name, _make, _queries in LISTS}
    lists = {
        f"{model._meta.app_label}_{model._meta.model_name}"
        for model in admin.site._registry
        if model._meta.app_label != "users"
    }
    assert tried == lists


@pytest.mark.parametrize(("name", "make"), [(name, make) for name, make, _queries in LISTS])
def test_export_takes_the_same_queries_for_one_row_and_for_three(desk, name, make):
    client = desk(Role.ADMINISTRATOR)

    taken, lengths = [], []
    for more in (1, 2):
        for _ in range(more):
            make()
        with CaptureQueriesContext(connection) as captured:
            found = table(client.get(export_url(name)))
        taken.append(len(captured))
        lengths.append(len(found))

    assert taken[0] == taken[1]
    assert lengths[0] >= 2
    assert lengths[1] >= lengths[0] + 2


@pytest.mark.parametrize(("name", "make"), [(name, make) for name, make, _queries in LISTS])
def test_export_is_plain_values_below_headings_that_are_all_different(desk, name, make):
    make()

    header, *lines = table(desk(Role.ADMINISTRATOR).get(export_url(name)))

    assert len(set(header)) == len(header)
    assert {len(line) for line in lines} == {len(header)}
    assert not [cell for line in lines for cell in line if "<" in cell or "__proxy__" in cell]


def test_export_holds_what_the_list_shows_on_all_its_pages(desk, monkeypatch):
    monkeypatch.setattr(BoundedPaginator, "limit", 2)
    client = desk(Role.TEAM_LEAD)
    first, *_others = [ContractFactory() for _ in range(60)]
    rolling = {"first_term_months": 1, "renewal_term_months": 1, "notice_months": 0}
    shown = ContractFactory(account=first.account, external_id="ROLLING", **rolling)
    url = export_url("accounts_contract")

    whole = table(client.get(url))
    narrowed = table(
        client.get(url, {"account": first.account_id, "term": "rolling", "show": "running"})
    )
    searched = table(client.get(url, {"q": first.external_id}))

    assert len(whole) == 1 + 61
    assert [line[0] for line in narrowed[1:]] == [shown.external_id]
    assert [line[0] for line in searched[1:]] == [first.external_id]


def test_export_keeps_the_order_of_the_view(desk):
    later = rows.make_task(assignee=None)
    sooner = rows.make_task(assignee=None)
    type(later).objects.filter(pk=later.pk).update(due_on="2027-01-01", title="Later")
    type(later).objects.filter(pk=sooner.pk).update(title="Sooner")

    found = table(desk(Role.TEAM_LEAD).get(export_url("accounts_task"), {"show": "nobody"}))

    assert [line[0] for line in found[1:]] == ["Sooner", "Later"]


def test_page_of_the_list_offers_what_it_shows(desk):
    AccountFactory()
    client = desk(Role.TEAM_LEAD)
    page = client.get(reverse("admin:accounts_account_changelist"), {"show": "mine", "q": "x"})

    offered = [export["url"] for export in page.context["cl"].exports]

    assert offered == [
        f"{export_url('accounts_account', file_type)}?q=x&show=mine"
        for file_type in ("csv", "xlsx")
    ]
    assert all(url.replace("&", "&amp;") in page.text for url in offered)


@pytest.mark.parametrize("role", [Role.AGENT, Role.EXECUTIVE])
def test_whoever_may_not_export_is_not_offered_it(desk, role):
    client = desk(role)

    page = client.get(reverse("admin:accounts_account_changelist"))

    assert page.context["cl"].exports == []
    assert "/export/" not in page.text
    for file_type in ("csv", "xlsx", "pdf"):
        assert client.get(export_url("accounts_account", file_type)).status_code == 403


def test_unknown_file_type_is_not_found(desk):
    assert desk(Role.TEAM_LEAD).get(export_url("accounts_account", "pdf")).status_code == 404


def test_lookup_that_the_list_does_not_offer_is_refused(desk):
    client = desk(Role.TEAM_LEAD)

    response = client.get(export_url("accounts_account"), {"name__regex": "(a+)+$"})

    assert response.status_code in {302, 400}


def test_formula_in_a_name_comes_out_as_text(desk):
    AccountFactory(name='=HYPERLINK("http://evil.example")')
    client = desk(Role.TEAM_LEAD)

    [_header, line] = table(client.get(export_url("accounts_account")))
    book = load_workbook(io.BytesIO(client.get(export_url("accounts_account", "xlsx")).getvalue()))

    assert line[0] == '\'=HYPERLINK("http://evil.example")'
    assert book.active["A2"].data_type == "s"
    assert book.active["A2"].value == '=HYPERLINK("http://evil.example")'


def test_sheet_holds_days_and_prices_as_such(desk):
    contract = ContractFactory(price=Decimal("12.50"))
    response = desk(Role.TEAM_LEAD).get(export_url("accounts_contract", "xlsx"))

    sheet = load_workbook(io.BytesIO(response.getvalue())).active
    found = dict(zip([cell.value for cell in sheet[1]], sheet[2], strict=True))

    assert found["Price"].value == 12.5
    assert found["Starts on"].value.date() == contract.starts_on
    assert response["Content-Disposition"] == 'attachment; filename="contract-2026-06-01.xlsx"'


def test_list_too_long_for_a_sheet_is_refused_on_its_page(desk, monkeypatch):
    monkeypatch.setattr(exports, "XLSX_ROWS", 2)
    AccountFactory.create_batch(2)

    response = desk(Role.TEAM_LEAD).get(export_url("accounts_account", "xlsx"), follow=True)

    [(address, _status)] = response.redirect_chain
    assert address.startswith(reverse("admin:accounts_account_changelist"))
    assert "A sheet holds no more than 1,048,576 rows" in response.text


def test_headings_are_in_the_language_of_the_reader(desk):
    ContactFactory()
    client = desk(Role.TEAM_LEAD)

    english, german = [
        table(client.get(export_url("accounts_task"), headers={"Accept-Language": language}))[0]
        for language in ("en", "de")
    ]

    assert english != german
    assert english[2] == "Account: customer number"


def test_export_is_logged_without_personal_data(desk):
    AccountFactory(name="Erika Mustermann")
    client = desk(Role.TEAM_LEAD)

    with capture_logs() as logs:
        client.get(export_url("accounts_account"), {"q": "Erika"}).getvalue()

    [entry] = [entry for entry in logs if entry["event"] == "list_exported"]
    assert entry == {
        "event": "list_exported",
        "log_level": "info",
        "list": "accounts.account",
        "file_type": "csv",
        "user_id": client.user.pk,
        "rows": 1,
        "whole": True,
    }


def test_pool_is_exported_as_people_read_it(desk):
    rows.make_task()

    header, line = table(desk(Role.TEAM_LEAD).get(export_url("accounts_task")))

    assert line[header.index("Pool")] == TaskPool.SERVICE.label
