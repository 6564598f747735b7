import re

import pytest

from cxcrm.api.models import ApiKey
from cxcrm.users.enums import Role
from tests.factories import UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_second_click_does_not_take_the_new_key_away(page, live_server, sign_in, complaints):
    sign_in(UserFactory(role=Role.ADMINISTRATOR))
    page.goto(f"{live_server.url}/desk/api/apikey/add/")
    page.get_by_label("Name").fill("Billing")
    page.get_by_label("Customers: read").check()
    page.get_by_label("All brands").check()

    # The name of a window stays while the answer takes the place of the form.
    page.evaluate(
        "addEventListener('submit', (event) =>"
        " setTimeout(() => { name = event.submitter.disabled ? 'once' : 'again' }))"
    )
    page.get_by_role("button", name="Save").click()

    page.locator("#new-key").wait_for()
    assert re.fullmatch(r"cx_[0-9a-z]{10}_[\w-]{43}", page.locator("#new-key").inner_text())
    assert page.evaluate("name") == "once"
    assert ApiKey.objects.count() == 1
    assert complaints == []
