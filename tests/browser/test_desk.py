"""The desk's pages in a real browser, wide and on a phone: nothing complains, nothing overflows."""

import pytest

from accounts.models import CancellationReason
from accounts.services.renewals import plan_renewal_reminders
from accounts.services.tasks import open_task
from cxcrm.base.clock import instant_on
from cxcrm.outbox.services import deliver_mails
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
    "accounts/importrun",
    "accounts/importmapping",
    "outbox/outgoingmail",
    "outbox/mailaddress",
    "users/user",
]

# Cards whose content does not fit, by their headings.
CUT_CARDS = """
    [...document.querySelectorAll(".desk-card")]
        .filter(card => card.scrollWidth > card.clientWidth + 1)
        .map(card => card.querySelector("h2")?.innerText)
"""


@pytest.fixture
def contract():
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


@pytest.mark.parametrize("width", [1366, 390])
def test_every_list_and_page_opens_without_complaints(
    page, live_server, sign_in, complaints, contract, width
):
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(UserFactory(role="administrator", name="Ada"))

    page.goto(f"{live_server.url}/desk/")
    for name in LISTS:
        page.goto(f"{live_server.url}/desk/{name}/")
        first = page.locator("#result_list tbody a").first
        if first.count():
            page.goto(live_server.url + first.get_attribute("href"))
            page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate(CUT_CARDS) == [], name

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
    page.get_by_text("Enter cancellation").click()
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
