"""The link in a reminder in a real browser, on a phone: two clicks to keep, a code to cancel."""

import re
from datetime import timedelta

import pytest

from accounts.models import Cancellation, DecisionCode, RenewalReminder
from cxcrm.base import clock
from cxcrm.outbox.services import deliver_mails
from tests.accounts.deciding import have_policy, remind
from tests.factories import AccountFactory, BrandFactory, ContractFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 844}
LINK = re.compile(r"https?://\S+/renewal/\S+/")


@pytest.fixture
def browser_context_args(browser_context_args):
    return browser_context_args | {"viewport": PHONE, "has_touch": True, "is_mobile": True}


@pytest.fixture
def links(live_server, settings, mailoutbox) -> list[str]:
    """Those in the mails of five reminders, as they were delivered."""
    settings.CXCRM_BASE_URL = live_server.url
    settings.CXCRM_QUIET_HOURS = ""
    have_policy()
    brand = BrandFactory()
    for _ in range(5):
        remind(
            ContractFactory(
                account=AccountFactory(brand=brand),
                starts_on=clock.now().date() - timedelta(days=330),
                notice_months=0,
            )
        )
    return sorted(sent_links(mailoutbox))


def sent_links(mailoutbox) -> list[str]:
    deliver_mails(at=clock.now())
    return [found[0] for mail in mailoutbox for found in [LINK.search(mail.body)] if found]


def read(page) -> None:
    """As long as a person takes who knows what to look for."""
    page.wait_for_timeout(4_000)


def test_customer_keeps_with_two_clicks(page, links, complaints):
    page.goto(links[0])
    read(page)
    page.get_by_role("button", name="Keep the contract").click()

    assert page.get_by_role("status").inner_text().startswith("Thank you for staying.")
    assert RenewalReminder.objects.filter(kept_at__isnull=False).count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []


def test_customer_cancels_with_the_code_from_the_mail(page, links, complaints, mailoutbox):
    page.goto(links[0])
    page.get_by_role("link", name="Cancel the contract").click()
    read(page)
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_role("heading", name="Type in the code").wait_for()
    deliver_mails(at=clock.now())
    mail = mailoutbox[-1]
    digits = re.search(r"\b[0-9]{6}\b", mail.body)[0]
    assert digits not in mail.subject

    page.get_by_label("Code from the mail").fill("000000" if digits != "000000" else "111111")
    page.get_by_role("button", name="Cancel now").click()
    assert page.get_by_label("Code from the mail").get_attribute("aria-invalid") == "true"
    page.get_by_label("Code from the mail").fill(f"{digits[:3]} {digits[3:]}")
    page.get_by_role("button", name="Cancel now").click()

    page.get_by_role("heading", name="Your contract is cancelled").wait_for()
    assert Cancellation.objects.get().origin == "customer"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []


def test_scanner_with_javascript_decides_nothing(page, links):
    for link in links:
        page.goto(link, wait_until="networkidle")
        for button in page.get_by_role("button").all():
            button.click(timeout=2_000)
            page.goto(f"{link}cancel/", wait_until="networkidle")
            page.get_by_role("button").first.click()

    assert not RenewalReminder.objects.filter(kept_at__isnull=False).exists()
    assert not DecisionCode.objects.exists()
    assert not Cancellation.objects.exists()
