"""The texts of mails at the desk: who may word them, the preview, the versions."""

from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.services.renewals import plan_renewal_reminders
from cxcrm.base.clock import instant_on
from cxcrm.outbox.models import MailWording, OutgoingMail
from cxcrm.outbox.services import deliver_mails
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.factories import BrandFactory, ContactFactory, ContractFactory

KIND = "renewal_reminder"


def url(page: str = "texts", *, language="en", **query) -> str:
    address = reverse(f"admin:outbox_mailwording_{page}", args=[KIND, language])
    return f"{address}?brand={query['brand']}" if query else address


def send_reminder() -> OutgoingMail:
    contract = ContractFactory(account__language="en")
    ContactFactory(account=contract.account, name="Ada Lovelace")
    at = instant_on(contract.remind_on)
    plan_renewal_reminders(at=at)
    deliver_mails(at=at)
    return OutgoingMail.objects.get()


def texts(**changed: str) -> dict[str, str]:
    return {f"text-{name}": said for name, said in changed.items()}


def test_overview_names_every_kind_and_what_is_worded_otherwise(desk):
    wording = rows.make_wording()

    page = desk(Role.AGENT).get(reverse("admin:outbox_mailwording_overview")).text

    for label in ("Renewal reminder", "Receipt of a cancellation", "Decision on a cancellation"):
        assert label in page
    assert page.count(str(wording.created_by)) == 1
    assert page.count("1 own text") == 1
    assert page.count(url(language="de")) == 1


def test_overview_takes_the_same_queries_for_one_wording_and_for_three(desk):
    administrator = desk(Role.ADMINISTRATOR)

    for more in (1, 2):
        for _ in range(more):
            rows.make_wording()
            BrandFactory()
        with CaptureQueriesContext(connection) as captured:
            administrator.get(reverse("admin:outbox_mailwording_overview"))
        # Session, user and roles; the wordings and the brands.
        assert len(captured) == 5


def test_manager_words_a_text_and_mails_say_it(desk):
    manager = desk(Role.CX_MANAGER)

    answer = manager.post(
        url(), {"based_on": "0", **texts(opening_renews="Moin {name}!", salutation="")}
    )

    assert (answer.status_code, answer["Location"]) == (302, url())
    [wording] = MailWording.objects.all()
    assert (wording.texts, wording.created_by) == ({"opening_renews": "Moin {name}!"}, manager.user)
    assert send_reminder().facts["wording"] == {"opening_renews": "Moin {name}!"}
    page = manager.get(url()).text
    assert "Moin {name}!" in page
    assert "Your contract renews on {renewal_date}." in page


def test_texts_of_a_brand_are_its_own(desk):
    brand = BrandFactory(code="ardoise", name="Ardoise Web")
    manager = desk(Role.CX_MANAGER)

    manager.post(url(brand=brand.code), {"based_on": "0", **texts(extra="Bonjour.")})

    assert MailWording.objects.get().brand_code == "ardoise"
    assert "Ardoise Web" in manager.get(reverse("admin:outbox_mailwording_overview")).text
    assert manager.get(url(brand="nobody")).status_code == 404


@pytest.mark.parametrize(
    "attack",
    [
        "{customer.__class__.__mro__}",
        "{{settings.SECRET_KEY}}",
        "{% debug %}",
        "{0.__init__.__globals__}",
        "{last_day_to_cancel}",
    ],
)
def test_what_may_not_be_said_is_refused_beside_its_text_and_nothing_is_saved(desk, attack):
    answer = desk(Role.CX_MANAGER).post(
        url(), {"based_on": "0", **texts(extra=f"x {attack}", closing="Bye")}
    )

    form = answer.context["form"]
    assert list(form.errors) == ["text-extra"]
    assert form["text-closing"].value() == "Bye"
    assert "Nothing was saved" in answer.text
    assert not MailWording.objects.exists()


def test_whoever_saves_over_a_newer_version_is_told_and_keeps_the_text(desk):
    rows.make_wording()

    answer = desk(Role.CX_MANAGER).post(url(), {"based_on": "0", **texts(extra="Mine.")})

    assert "Somebody else has saved" in answer.context["form"].non_field_errors()[0]
    assert answer.context["form"]["text-extra"].value() == "Mine."
    assert MailWording.objects.count() == 1


@pytest.mark.parametrize("role", [Role.CX_MANAGER, Role.AGENT])
def test_preview_shows_the_newest_mail_with_the_draft_and_saves_nothing(desk, role):
    send_reminder()

    answer = desk(role).post(
        url("preview"), {"based_on": "0", **texts(extra="A draft for {name}.")}
    )

    said = "A draft for Ada Lovelace." if role == Role.CX_MANAGER else "Dear Ada Lovelace,"
    assert said in answer.context["rendered"].text
    assert said in unescape(answer.text)
    assert "With what the mail of" in answer.text
    assert not MailWording.objects.exists()


def test_preview_without_a_mail_is_marked_as_made_up_and_shows_the_chosen_variant(desk):
    answer = desk(Role.CX_MANAGER).post(
        url(), {"preview": "1", "based_on": "0", "sample": "free", **texts(opening_free="Go.")}
    )

    assert "A made-up example." in answer.text
    assert "Go." in answer.context["rendered"].text
    assert 'href="…"' not in answer.context["rendered"].html
    assert not MailWording.objects.exists()


def test_agents_look_and_do_not_write(desk):
    rows.make_wording()
    agent = desk(Role.AGENT)

    assert "Save and put in force" not in agent.get(url()).text
    assert agent.post(url(), {"based_on": "1", **texts(extra="x")}).status_code == 403
    assert agent.post(url("reset"), {"based_on": "1"}).status_code == 403
    assert MailWording.objects.count() == 1


def test_manager_goes_back_to_the_default_and_to_an_earlier_version(desk):
    first = rows.make_wording()
    manager = desk(Role.CX_MANAGER)

    manager.post(url("reset"), {"based_on": "7"})
    assert MailWording.objects.count() == 1
    for nonsense in ("", "x", "-1", "9" * 5000):
        assert manager.post(url("reset"), {"based_on": nonsense}).status_code == 302
        assert MailWording.objects.count() == 1
    manager.post(url("reset"), {"based_on": "1"})
    assert MailWording.objects.get(version=2).texts == {}

    page = manager.get(reverse("admin:outbox_mailwording_change", args=[first.pk])).text
    assert "In force is version 2." in page
    manager.post(
        reverse("admin:outbox_mailwording_restore", args=[first.pk]), {"_form_submitted": "1"}
    )
    assert MailWording.objects.get(version=3).texts == first.texts


@pytest.mark.parametrize("language", ["xx", "EN"])
def test_there_is_no_page_for_what_nobody_registered(desk, language):
    manager = desk(Role.CX_MANAGER)

    assert manager.get(url(language=language)).status_code == 404
    unknown = reverse("admin:outbox_mailwording_texts", args=["unheard_of", "en"])
    assert manager.get(unknown).status_code == 404
