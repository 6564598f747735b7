"""Cancelling at the desk: dialogs, what they offer and refuse, and what the pages show after."""

from datetime import date

import pytest
from django.urls import reverse

from accounts.enums import CancellationKind, ContractState
from accounts.models import Cancellation, CancellationReason, Contract
from accounts.services.cancellations import decide_cancellation
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import NOW, AccountFactory, ContactFactory, ContractFactory, cancel

LAST_DAY = date(2026, 9, 30)


def submit(client, contract, deed: str, **answers):
    url = reverse(f"admin:accounts_contract_{deed}", args=[contract.pk])
    return client.post(url, {"_form_submitted": "on"} | answers, headers={"HX-Request": "true"})


def page(row) -> str:
    options = row._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk])


def answers(**changed) -> dict:
    """What an agent types in for ordinary notice, at ten past eleven in Berlin."""
    return {"kind": "ordinary", "received_at": "2026-06-01T11:10"} | changed


@pytest.fixture
def contract(db):
    account = AccountFactory()
    ContactFactory(account=account)
    return ContractFactory(account=account)


def test_agent_enters_a_cancellation_and_the_pages_say_so(desk, contract):
    client = desk(Role.AGENT, name="Ada Agent")
    reason = CancellationReason.objects.get(code="price")

    response = submit(client, contract, "cancel", **answers(reason=reason.pk, comment="Too dear"))

    assert response["HX-Redirect"] == page(contract)
    cancellation = Cancellation.objects.get()
    assert (cancellation.effective_on, cancellation.entered_by) == (date(2027, 1, 14), client.user)
    assert cancellation.received_at.isoformat() == "2026-06-01T09:10:00+00:00"
    shown = client.get(page(contract)).text
    for said in ("The cancellation is entered.", "Jan. 14, 2027", "Price", "Too dear", "Ada Agent"):
        assert said in shown
    assert page(cancellation) in shown
    assert "Ordinary notice" in client.get(page(contract.account)).text


def test_dialog_knows_the_customers_clock_and_the_earliest_end(desk):
    contract = ContractFactory(account__time_zone="America/Los_Angeles")
    url = reverse("admin:accounts_contract_cancel", args=[contract.pk])

    shown = desk(Role.AGENT).get(url).text

    assert 'value="2026-06-01T03:00"' in shown
    assert "America/Los_Angeles" in shown
    assert "Ordinary notice received today ends this contract on Jan. 14, 2027." in shown


def test_dialog_offers_withdrawal_to_consumers_only_and_reasons_that_are_on_offer(desk):
    CancellationReason.objects.filter(code="price").update(is_offered=False)
    offered = {}
    for kind in ("consumer", "business"):
        contract = ContractFactory(account__customer_kind=kind)
        url = reverse("admin:accounts_contract_cancel", args=[contract.pk])
        offered[kind] = desk(Role.AGENT).get(url).text

    assert ['value="withdrawal"' in text for text in offered.values()] == [True, False]
    assert all("Market, competitor" in text for text in offered.values())
    assert not any(">Price<" in text for text in offered.values())


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"received_at": "2026-06-01T12:01"}, "received_at"),
        ({"received_at": "yesterday"}, "received_at"),
        ({"wished_on": "2026-05-31"}, "wished_on"),
        ({"effective_on": "2026-08-01"}, "effective_on"),
        ({"kind": "switch", "effective_on": "2026-08-02"}, "effective_on"),
        ({"kind": "withdrawal"}, "kind"),
        ({"kind": "whim"}, "kind"),
        ({"reason": "0"}, "reason"),
        ({"comment": "\x00"}, "comment"),
    ],
)
def test_refusal_stands_beside_its_field_and_nothing_is_written(desk, contract, changed, field):
    response = submit(desk(Role.AGENT), contract, "cancel", **answers(**changed))

    assert response.status_code == 200
    assert response.context["form"].errors.keys() == {field}
    assert not Cancellation.objects.exists()
    assert list(contract.timeline.values_list("kind", flat=True)) == ["contract_added"]


def test_agent_decides_and_takes_back(desk, contract):
    client = desk(Role.AGENT)
    submit(client, contract, "cancel", **answers(kind="switch"))

    submit(client, contract, "decide_last_day", effective_on="2026-07-20")
    contract.refresh_from_db()
    assert contract.ends_on == date(2026, 7, 20)

    response = submit(client, contract, "take_back")
    assert response["HX-Redirect"] == page(contract)
    contract.refresh_from_db()
    assert (contract.ends_on, contract.renewal_date) == (None, date(2027, 1, 15))
    assert "taken back on" in client.get(page(contract)).text


def test_agent_is_asked_whether_a_last_day_that_is_over_is_meant(desk, contract):
    client = desk(Role.AGENT)
    typed = answers(kind="extraordinary", received_at="2026-05-04T09:00", effective_on="2026-05-15")
    dialog = client.get(reverse("admin:accounts_contract_cancel", args=[contract.pk])).text
    assert 'type="hidden" name="past_is_meant"' in dialog

    asked = submit(client, contract, "cancel", **typed, past_is_meant="")
    assert asked.context["form"].errors.keys() == {"past_is_meant"}
    assert "The last day would be May 15, 2026, which is over." in asked.text
    assert 'type="checkbox" name="past_is_meant"' in asked.text
    assert not Cancellation.objects.exists()

    again = submit(client, contract, "cancel", **typed | {"reason": "0"}, past_is_meant="on")
    assert "checked" in again.text.split('name="past_is_meant"')[1].split(">")[0]

    submit(client, contract, "cancel", **typed, past_is_meant="on")
    assert Cancellation.objects.get().effective_on == date(2026, 5, 15)
    submit(client, contract, "take_back")
    contract.refresh_from_db()
    assert contract.ends_on is None


def test_consumer_under_notice_may_withdraw_at_the_desk_within_14_days(desk):
    client = desk(Role.AGENT)
    young, old = (
        ContractFactory(
            account__customer_kind="consumer", starts_on=NOW.date(), concluded_on=concluded_on
        )
        for concluded_on in (date(2026, 5, 18), date(2026, 5, 17))
    )
    for contract in (young, old):
        submit(client, contract, "cancel", **answers())

    shown = [f"/{row.pk}/cancel/" in client.get(page(row)).text for row in (young, old)]
    submit(client, young, "cancel", **answers(kind="withdrawal"))

    assert shown == [True, False]
    young.refresh_from_db()
    assert young.state == ContractState.WITHDRAWN


def test_no_earliest_end_is_shown_while_a_cancellation_waits(desk, contract):
    client = desk(Role.AGENT)
    submit(client, contract, "cancel", **answers(kind="switch"))

    for url in (page(contract), reverse("admin:accounts_contract_cancel", args=[contract.pk])):
        shown = client.get(url).text
        assert "Earliest end" not in shown
        assert "Ordinary notice received today" not in shown


def test_decision_that_cannot_be_is_refused_beside_its_field(desk, contract):
    client = desk(Role.AGENT)
    submit(client, contract, "cancel", **answers(kind="switch"))

    response = submit(client, contract, "decide_last_day", effective_on="2026-05-31")

    assert response.context["form"].errors.keys() == {"effective_on"}


@pytest.mark.parametrize("deed", ["decide_last_day", "take_back"])
def test_what_is_not_cancelled_is_neither_decided_nor_taken_back(desk, contract, deed):
    response = submit(desk(Role.AGENT), contract, deed, effective_on="2026-07-20")

    assert "This contract is not cancelled." in response.text
    Contract.objects.update(ends_on=LAST_DAY)
    response = submit(desk(Role.AGENT), contract, deed, effective_on="2026-07-20")
    assert "This end came with a feed; it changes there." in response.text


def test_page_offers_only_what_fits(desk, contract):
    client = desk(Role.AGENT)
    deeds = ("cancel/", "decide_last_day/", "take_back/")

    def offered() -> list[str]:
        text = client.get(page(contract)).text
        return [deed for deed in deeds if f"/{contract.pk}/{deed}" in text]

    assert offered() == ["cancel/"]
    Contract.objects.update(ends_on=LAST_DAY)
    assert offered() == ["cancel/"]
    Contract.objects.update(ends_on=None)
    submit(client, contract, "cancel", **answers(kind="extraordinary"))
    assert offered() == ["decide_last_day/", "take_back/"]
    decide_cancellation(
        cancellation_id=Cancellation.objects.get().pk, effective_on=LAST_DAY, at=NOW
    )
    assert offered() == ["take_back/"]
    Contract.objects.update(state=ContractState.ENDED)
    assert offered() == []


@pytest.mark.parametrize("deed", ["cancel", "decide_last_day", "take_back", "add_task"])
def test_looking_at_a_dialog_writes_nothing(desk, contract, deed):
    cancel(contract, LAST_DAY)
    before = list(Cancellation.objects.values()), list(contract.timeline.values())

    url = reverse(f"admin:accounts_contract_{deed}", args=[contract.pk])
    assert desk(Role.AGENT).get(url).status_code == 200

    assert (list(Cancellation.objects.values()), list(contract.timeline.values())) == before


def test_executive_cancels_nothing_and_reads_no_comments(desk, contract):
    executive = desk(Role.EXECUTIVE)
    assert submit(executive, contract, "cancel", **answers()).status_code == 403
    assert not Cancellation.objects.exists()

    submit(desk(Role.AGENT), contract, "cancel", **answers(comment="Their boss is ill"))

    shown = executive.get(page(contract)).text
    assert "Ordinary notice" in shown
    assert "Their boss is ill" not in shown


def test_deed_on_what_does_not_exist_is_not_found(desk):
    client = desk(Role.AGENT)
    for deed in ("cancel", "take_back"):
        for nothing in ("0", "abc"):
            url = f"/desk/accounts/contract/{nothing}/{deed}/"
            assert client.get(url).status_code == 200
            assert client.post(url, {"_form_submitted": "on"} | answers()).status_code == 404


def test_cancellation_shows_the_receipt_in_a_frame_that_runs_no_script(desk, contract):
    client = desk(Role.AGENT)
    submit(client, contract, "cancel", **answers())
    cancellation = Cancellation.objects.get()
    receipt = reverse("admin:accounts_cancellation_receipt", args=[cancellation.pk, "received"])

    response = client.get(receipt)

    assert "January 14, 2027" in response.text
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert f'src="{receipt}"' in client.get(page(cancellation)).text
    for missing in ("decided", "nonsense"):
        url = reverse("admin:accounts_cancellation_receipt", args=[cancellation.pk, missing])
        assert client.get(url).status_code == 404
    assert desk(Role.EXECUTIVE).get(receipt).status_code == 403


def test_cancellations_are_listed_by_what_is_to_be_done(desk):
    client = desk(Role.AGENT)
    undecided = rows.make_cancellation()
    decided = cancel(ContractFactory(external_id="V77"), LAST_DAY)
    url = reverse("admin:accounts_cancellation_changelist")

    def listed(**query) -> list[Cancellation]:
        return list(client.get(url, query).context["cl"].result_list)

    assert listed() == [undecided]
    assert listed(show="standing") == [decided, undecided]
    assert listed(show="taken-back") == []
    assert listed(show="all", q="V77") == [decided]
    assert listed(show="all", q=decided.contract.account.external_id) == [decided]
    assert listed(show="all", reason=str(undecided.reason_id)) == [undecided]
    assert listed(show="all", kind__exact=CancellationKind.ORDINARY) == []


def test_manager_keeps_the_catalogue_of_reasons_and_agents_do_not(desk):
    reason = CancellationReason.objects.get(code="price")
    changed = {
        "position": 3,
        "is_offered": "",
        "name_en": "Too dear",
        "name_de": "Zu teuer",
        "name_fr": "Trop cher",
        "name_es": "Demasiado caro",
        "code": "stolen",
    }

    assert desk(Role.AGENT).post(page(reason), changed).status_code == 403
    assert desk(Role.CX_MANAGER).post(page(reason), changed).status_code == 302

    reason.refresh_from_db()
    assert (reason.code, reason.name_en, reason.is_offered) == ("price", "Too dear", False)


def test_win_back_list_shows_money_reason_and_permission(desk):
    lost = rows.make_lost_account()
    client = desk(Role.AGENT)
    url = reverse("admin:accounts_lostaccount_changelist")

    shown = client.get(url).text

    for said in (lost.name, "May 31, 2026", "120.00 EUR", "Moved", "Newsletter"):
        assert said in shown
    for view, count in (("newest", 1), ("money", 1), ("permitted", 1)):
        assert len(client.get(url, {"show": view}).context["cl"].result_list) == count
    assert client.get(url, {"q": lost.external_id}).context["cl"].result_count == 1


def test_win_back_list_says_where_a_rate_is_missing(desk):
    rows.make_lost_account()
    lost = rows.make_lost_account()
    type(lost).objects.filter(pk=lost.pk).update(lost_arr=None)
    url = reverse("admin:accounts_lostaccount_changelist")

    response = desk(Role.AGENT).get(url, {"show": "money"})

    assert response.context["cl"].result_list[1] == lost
    assert "A rate into the reporting currency is missing for that day." in response.text


def test_earliest_end_is_shown_wherever_a_contract_is(desk, contract):
    client = desk(Role.AGENT)
    pages = (
        page(contract),
        page(contract.account),
        reverse("admin:accounts_contract_changelist"),
    )

    assert all("Jan. 14, 2027" in client.get(url).text for url in pages)
