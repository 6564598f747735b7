"""What agents and managers do about mail: objections, and holding all of it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import Contact
from cxcrm.outbox.enums import MailReason, MailState, ObjectionSource
from cxcrm.outbox.models import MailAddress, MailBounce, MailPermission, OutgoingMail
from cxcrm.outbox.selectors import delivery_state
from cxcrm.outbox.services import hold_mails, object_to_all
from cxcrm.users.enums import Role
from tests.agent_desk import rows
from tests.agent_desk.test_deeds import submit
from tests.agent_desk.test_lists import listed
from tests.factories import NOW, ContactFactory

MAILS = "admin:outbox_outgoingmail_changelist"
ADDRESSES = "admin:outbox_mailaddress_changelist"


def objections() -> set[tuple]:
    noted = MailPermission.objects.filter(objected_at=NOW)
    return set(noted.values_list("mail_class", "objected_via"))


def test_agent_notes_an_objection_to_one_class_and_to_all(desk):
    address = rows.make_address()
    client = desk(Role.AGENT)

    submit(client, address, "note_objection", mail_class="survey", via="phone")
    assert objections() == {("survey", ObjectionSource.PHONE)}
    submit(client, address, "note_objection", mail_class="all", via="message")

    assert objections() == {
        ("survey", ObjectionSource.PHONE),
        ("alert", ObjectionSource.MESSAGE),
        ("newsletter", ObjectionSource.MESSAGE),
        ("programme", ObjectionSource.MESSAGE),
    }
    page = client.get(reverse("admin:outbox_mailaddress_change", args=[address.pk])).text
    assert "By phone" in page
    assert "By letter or message" in page


CONSENT = {
    "mail_class": "survey",
    "source": "Call recording 4711",
    "consented_at": "2026-06-01T09:30",
}


def test_lead_lifts_an_objection_by_a_newer_consent_and_agents_do_not(desk):
    address = rows.make_address()
    page = reverse("admin:outbox_mailaddress_change", args=[address.pk])
    deed = reverse("admin:outbox_mailaddress_lift_objection", args=[address.pk])
    assert deed not in desk(Role.TEAM_LEAD).get(page).text
    object_to_all(address_id=address.pk, via=ObjectionSource.PHONE, at=NOW - timedelta(hours=1))

    assert deed not in desk(Role.AGENT).get(page).text
    refused = submit(desk(Role.AGENT), address, "lift_objection", **CONSENT)
    assert refused.status_code == 403
    client = desk(Role.TEAM_LEAD)
    assert deed in client.get(page).text
    submit(client, address, "lift_objection", **CONSENT)

    survey = MailPermission.objects.get(mail_class="survey")
    assert (survey.objected_at, survey.basis, survey.source, survey.granted_at) == (
        None,
        "consent",
        "Call recording 4711",
        datetime(2026, 6, 1, 9, 30, tzinfo=UTC),
    )
    assert "Call recording 4711" in client.get(page).text


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"mail_class": "service"}, "mail_class"),
        ({"mail_class": "all"}, "mail_class"),
        ({"source": " "}, "source"),
        ({"source": "x" * 201}, "source"),
        ({"consented_at": ""}, "consented_at"),
        ({"consented_at": "2026-06-01T08:59"}, "consented_at"),
    ],
)
def test_objection_stands_where_the_consent_is_not_proved(desk, answers, field):
    address = rows.make_address()
    object_to_all(address_id=address.pk, via=ObjectionSource.PHONE, at=NOW - timedelta(hours=1))

    response = submit(desk(Role.CX_MANAGER), address, "lift_objection", **CONSENT | answers)

    assert response.context["form"].errors.keys() == {field}
    assert MailPermission.objects.filter(objected_at__isnull=False).count() == 4


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"mail_class": "service", "via": "phone"}, "mail_class"),
        ({"mail_class": "survey", "via": "one_click"}, "via"),
        ({"mail_class": "survey"}, "via"),
    ],
)
def test_objection_names_a_class_that_can_be_objected_to_and_how_it_came(desk, answers, field):
    response = submit(desk(Role.AGENT), rows.make_address(), "note_objection", **answers)

    assert response.context["form"].errors.keys() == {field}
    assert objections() == set()


def test_addresses_can_be_narrowed_to_trouble_and_to_objections(desk):
    complained, objected, fine = (rows.make_address() for _number in range(3))
    MailAddress.objects.filter(pk=complained.pk).update(complained_at=NOW)
    object_to_all(address_id=objected.pk, via=ObjectionSource.PHONE, at=NOW)
    client = desk(Role.AGENT)

    def shown(view: str) -> list[str]:
        return listed(client.get(reverse(ADDRESSES), {"show": view}))

    assert shown("complained") == [str(complained)]
    assert shown("objected") == [str(objected)]
    assert shown("all") == [str(fine), str(objected), str(complained)]
    assert "Reported us" in client.get(reverse(ADDRESSES), {"show": "complained"}).text


def test_address_shows_what_came_back(desk):
    address = rows.make_address()
    MailBounce.objects.create(
        address=address,
        kind="soft",
        reason="452 mailbox full",
        source="mailbox",
        event_id="1",
        occurred_at=NOW,
    )

    page = desk(Role.AGENT).get(reverse("admin:outbox_mailaddress_change", args=[address.pk]))

    assert "452 mailbox full" in page.text


def test_contact_leads_to_its_address(desk):
    contact = ContactFactory()
    client = desk(Role.AGENT)
    url = reverse("admin:outbox_mailaddress_change", args=[contact.address_id])

    for name, pk in (("contact", contact.pk), ("account", contact.account_id)):
        assert url in client.get(reverse(f"admin:accounts_{name}_change", args=[pk])).text
    without = Contact.objects.create(account=contact.account, name="Bob", role=contact.role)
    page = client.get(reverse("admin:accounts_contact_change", args=[without.pk]))
    assert (page.status_code, "bounces" in page.text) == (200, False)


def test_manager_holds_all_mails_and_everybody_sees_it(desk):
    rows.make_mail()
    client = desk(Role.CX_MANAGER)
    page = client.get(reverse("admin:outbox_sending"))
    assert ("What waits to be sent" in page.text, "Renewal reminder" in page.text) == (True, True)

    client.post(reverse("admin:outbox_sending"), {"deed": "hold"})

    state = delivery_state()
    assert (state.held_since, state.changed_by) == (NOW, str(client.user))
    assert "No mails leave: they are on hold." in desk(Role.AGENT).get(reverse(MAILS)).text
    again = client.post(reverse("admin:outbox_sending"), {"deed": "hold"})
    assert "Mails are on hold already." in again.text


def test_button_counts_no_mails_where_none_waits(desk):
    hold_mails(actor=None, at=NOW)

    page = desk(Role.CX_MANAGER).get(reverse("admin:outbox_sending")).text

    assert ("Release" in page, "Release 0" in page) == (True, False)


def test_manager_releases_and_discards_what_was_planned_before(desk):
    early, late = rows.make_mail(), rows.make_mail()
    OutgoingMail.objects.filter(pk=early.pk).update(planned_at=NOW - timedelta(hours=2))
    OutgoingMail.objects.filter(pk=late.pk).update(planned_at=NOW)
    hold_mails(actor=None, at=NOW)
    client = desk(Role.CX_MANAGER)
    url = reverse("admin:outbox_sending")
    assert "Release 2 mails" in client.get(url).text

    wrong = client.post(url, {"deed": "release", "discard_planned_before": "yesterday"})
    assert (wrong.status_code, delivery_state().is_held) == (200, True)
    answer = client.post(
        url, {"deed": "release", "discard_planned_before": "2026-06-01T09:00"}, follow=True
    )

    assert "1 mail was discarded." in answer.text
    assert delivery_state().is_held is False
    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.state, early.reason) == (MailState.SUPPRESSED, MailReason.DISCARDED)
    assert late.state == MailState.QUEUED
    assert datetime(2026, 6, 1, 9, tzinfo=UTC) > early.planned_at


def test_release_says_that_the_setting_holds(desk, settings):
    settings.CXCRM_HOLD_MAILS = True
    hold_mails(actor=None, at=NOW)

    answer = desk(Role.CX_MANAGER).post(reverse("admin:outbox_sending"), {"deed": "release"})

    assert "CXCRM_HOLD_MAILS is set" in answer.text
    assert delivery_state().is_held is True


def test_agents_neither_hold_nor_see_the_way_to_it(desk):
    client = desk(Role.AGENT)

    assert client.post(reverse("admin:outbox_sending"), {"deed": "hold"}).status_code == 403
    assert reverse("admin:outbox_sending") not in client.get(reverse(MAILS)).text
    assert delivery_state().is_held is False
