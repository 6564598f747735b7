"""The desk's pages in a real browser, wide and on a phone: nothing complains, nothing overflows."""

from datetime import timedelta

import pytest

from accounts.models import CancellationReason, Task
from accounts.services.renewals import plan_renewal_reminders
from accounts.services.revenue import recompute_revenue
from accounts.services.tasks import open_task
from cxcrm.base import clock
from cxcrm.base.clock import instant_on
from cxcrm.base.jobs import work_off_jobs
from cxcrm.outbox.services import deliver_mails
from tests.accounts.deciding import have_policy
from tests.agent_desk import rows
from tests.factories import NOW, ContactFactory, ContractFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LISTS = [
    "accounts/account",
    "accounts/contact",
    "accounts/contract",
    "accounts/task",
    "accounts/renewalreminder",
    "accounts/product",
    "accounts/brand",
    "accounts/cancellation",
    "accounts/cancellationreason",
    "accounts/exchangerate",
    "accounts/lostaccount",
    "accounts/timelineevent",
    "accounts/importrun",
    "accounts/importmapping",
    "accounts/importissue",
    "base/job",
    "base/jobrefusal",
    "outbox/outgoingmail",
    "outbox/mailaddress",
    "users/user",
]
OTHER_PAGES = [
    "",
    "revenue/",
    "accounts/cancellationreason/add/",
    "accounts/exchangerate/add/",
    "accounts/importrun/upload/",
]

# Cards whose content does not fit, by their headings.
CUT_CARDS = """
    [...document.querySelectorAll(".desk-card")]
        .filter(card => card.scrollWidth > card.clientWidth + 1)
        .map(card => card.querySelector("h2")?.innerText)
"""


@pytest.fixture
def contract():
    have_policy()
    contract = ContractFactory(account__name='Bäckerei <script>alert("boo")</script> & Söhne')
    ContactFactory(account=contract.account, name="<img src=x onerror=alert(1)>")
    open_task(
        account_id=contract.account_id,
        title="Call <b>back</b>",
        due_on=NOW.date(),
        pool="service",
        at=NOW,
    )
    at = instant_on(contract.remind_on)
    plan_renewal_reminders(at=at)
    deliver_mails(at=at)
    return contract


@pytest.fixture
def everything(contract):
    """A row for each list."""
    rows.make_cancellation()  # for a reason
    rows.make_lost_account()
    rows.make_rate()
    rows.make_mapping()
    rows.make_issue()
    rows.make_refusal()
    today = clock.now().date()
    recompute_revenue(since=today - timedelta(days=3), until=today, at=clock.now())


def check_that_it_fits(page, width: int) -> None:
    page.wait_for_load_state("networkidle")
    assert page.title().strip(), page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    assert page.evaluate(CUT_CARDS) == [], page.url


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.usefixtures("everything")
def test_every_list_and_page_opens_without_complaints(
    page, live_server, sign_in, complaints, width
):
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(UserFactory(role="administrator", name="Ada"))

    for name in OTHER_PAGES:
        page.goto(f"{live_server.url}/desk/{name}")
        check_that_it_fits(page, width)
    for name in LISTS:
        page.goto(f"{live_server.url}/desk/{name}/")
        check_that_it_fits(page, width)
        first = page.locator("#result_list tbody a").first
        assert first.count(), name
        page.goto(live_server.url + first.get_attribute("href"))
        check_that_it_fits(page, width)

    assert complaints == []
    assert dialogs == []


def test_agent_enters_a_cancellation_in_a_dialog_and_takes_it_back(
    page, live_server, sign_in, complaints, contract
):
    sign_in(UserFactory(role="agent", name="Ben"))
    reason = CancellationReason.objects.create(
        code="moved", name_en="Moved", name_de="Umzug", name_fr="Parti", name_es="Mudanza"
    )

    page.goto(f"{live_server.url}/desk/accounts/contract/{contract.pk}/change/")
    page.locator("a[href$='/cancel/']").click()
    page.locator("select[name=reason]").select_option(str(reason.pk))
    page.locator("textarea[name=comment]").fill("Found it cheaper.")
    page.get_by_role("button", name="Enter it").click()
    page.get_by_text("The cancellation is entered.").wait_for()
    cancellation = contract.cancellations.get()
    contract.refresh_from_db()
    assert contract.ends_on == cancellation.effective_on
    assert [cancellation.reason, cancellation.comment] == [reason, "Found it cheaper."]

    page.get_by_text("Take cancellation back").first.click()
    page.get_by_role("button", name="Let it run on").click()
    page.get_by_text("The contract runs on.").wait_for()
    contract.refresh_from_db()
    assert contract.ends_on is None
    assert complaints == []


@pytest.mark.parametrize("width", [1366, 390])
def test_lead_finishes_many_tasks_and_sees_how_far_it_is(
    page, live_server, sign_in, complaints, monkeypatch, width
):
    for module in ("cxcrm.base.jobs", "cxcrm.base.admin.bulk"):
        monkeypatch.setattr(f"{module}.AT_ONCE", 1)
    page.set_viewport_size({"width": width, "height": 900})
    tasks = [rows.make_task() for _ in range(2)]
    sign_in(UserFactory(role="team_lead"))

    page.goto(f"{live_server.url}/desk/accounts/task/")
    page.locator("input[name=_selected_action]").first.wait_for()
    for task in tasks:
        page.locator(f"input[name=_selected_action][value='{task.pk}']").check()
    page.locator("select[name=action]").select_option(label="Finish tasks")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("It will be done to 2 chosen rows.").wait_for()
    check_that_it_fits(page, width)
    page.locator("textarea[name=result]").fill("Settled.")
    page.get_by_role("button", name="Finish tasks").click()
    page.get_by_text("0 of 2 rows").wait_for()
    check_that_it_fits(page, width)
    work_off_jobs(at=clock.now())
    # The page notices by itself.
    page.get_by_text("2 of 2 rows").wait_for()

    assert [task.result for task in Task.objects.all()] == ["Settled."] * 2
    assert complaints == []


def test_mail_is_previewed_in_a_frame_without_scripts(
    page, live_server, sign_in, complaints, contract
):
    sign_in(UserFactory(role="agent"))
    mail = contract.account.contacts.get().address.mails.get()

    page.goto(f"{live_server.url}/desk/outbox/outgoingmail/{mail.pk}/change/")
    frame = page.frame_locator("iframe")

    frame.get_by_text("Your contract renews on January 15, 2027.").wait_for()
    assert page.locator("iframe").get_attribute("sandbox") == ""
    assert complaints == []
