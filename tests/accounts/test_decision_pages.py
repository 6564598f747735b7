"""The pages behind the link in a reminder, as a browser gets them."""

from datetime import date, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import Cancellation, CancellationReason, DecisionCode, ReminderPolicy
from accounts.services.contracts import advance_contracts
from accounts.services.decision_codes import DECISION_CODE
from accounts.services.decisions import keep_contract
from cxcrm.base.clock import instant_on
from cxcrm.base.customer_pages import as_ink, readable_on
from cxcrm.outbox.models import OutgoingMail
from tests.accounts.deciding import (
    LAST_DAY,
    READ_AT,
    RENEWAL,
    newest_digits,
    path_of,
    table_contents,
    wrong_digits,
)
from tests.factories import (
    ContactFactory,
    UserFactory,
    cancel,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def reminder(reader):
    return reader.reminder


@pytest.fixture
def clock(reader):
    return reader.clock


# --- What it shows


def test_page_says_what_the_mail_says(reader):
    page = reader.open()

    text = page.content.decode()
    assert page.status_code == 200
    for said in ("Webhosting Pro", "V-1047", "January 15, 2027", "December 14, 2026", "€10.00"):
        assert said in text
    assert "The contract runs on for 12 more months." in text


def test_page_speaks_the_language_of_its_reader(reminder, reader):
    reminder.contact.language = "de"
    reminder.contact.save()

    page = reader.client.get(path_of(reminder), headers={"accept-language": "fr"})

    assert page["Content-Language"] == "de"
    assert '<html lang="de">' in page.content.decode()
    assert "15. Januar 2027" in page.content.decode()


def test_page_is_kept_nowhere_and_tells_its_address_to_nobody(reader):
    page = reader.open()

    assert page["Cache-Control"] == "no-store"
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert page["Referrer-Policy"] == "same-origin"
    assert "unsafe-inline" not in page["Content-Security-Policy"]


def test_page_carries_the_brands_name_colour_and_imprint(reminder, reader):
    brand = reminder.contract.brand
    brand.accent_colour = "#ffd500"
    brand.save()

    text = reader.open().content.decode()

    assert "--accent: #ffd500; --on-accent: #000000;" in text
    assert brand.legal_name in text
    assert brand.imprint in text


@pytest.mark.parametrize(
    ("colour", "ink"),
    [
        ("#000000", "#ffffff"),
        ("#ffffff", "#000000"),
        ("#1d4ed8", "#ffffff"),
        ("#ffd500", "#000000"),
        ("#777777", "#000000"),
        ("#757575", "#ffffff"),
    ],
)
def test_what_stands_on_a_brands_colour_is_readable(colour, ink):
    assert readable_on(colour) == ink


def test_a_brands_colour_is_ink_where_white_stands_out_from_it():
    assert as_ink("#1d4ed8") == "#1d4ed8"
    assert as_ink("#ffd500") == "#000000"


def test_customer_who_was_written_to_too_late_reads_of_no_last_day(reminder, reader):
    reminder.policy = ReminderPolicy.objects.create(
        name="Free", country="FR", missed_window_frees=True
    )
    reminder.latest_on = reminder.decided_on - timedelta(days=1)
    reminder.save()

    text = reader.open().content.decode()

    assert "None: you may leave at any time" in text
    assert "December 14, 2026" not in text


def test_customer_who_was_written_to_too_late_may_leave_by_the_link_after_the_renewal(
    reminder, reader, clock
):
    reminder.policy = ReminderPolicy.objects.create(
        name="Free", country="FR", missed_window_frees=True
    )
    reminder.latest_on = reminder.decided_on - timedelta(days=1)
    reminder.save()
    clock.move_to(instant_on(RENEWAL), tick=False)
    advance_contracts(at=instant_on(RENEWAL))

    text = reader.open().content.decode()
    assert "None: you may leave at any time" in text
    assert "The contract runs on; it renews next on January 15, 2028." in text
    for contradiction in ("This link is over", "for 12 more months", "Price after"):
        assert contradiction not in text
    assert "By law you may leave at any time." in reader.open("cancel/").content.decode()

    reader.ask_for_code()
    reader.cancel(newest_digits(reminder))

    assert Cancellation.objects.get().effective_on is None
    assert "We will tell you its last day by mail." in reader.open().content.decode()


# --- Reading changes nothing


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("place", ["", "cancel/", "code/"])
def test_reading_changes_no_table(reminder, reader, method, place):
    before = table_contents()

    answer = getattr(reader.client, method)(path_of(reminder, place), {"code": "1", "keep": "1"})

    assert answer.status_code in (200, 302)
    assert table_contents() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_refused(reminder, reader, method):
    assert getattr(reader.client, method)(path_of(reminder)).status_code == 405


# --- Keep


def test_keeping_takes_one_post_and_says_thank_you(reminder, reader):
    answer = reader.keep()

    assert answer.status_code == 302
    assert reader.has_kept()
    assert "Thank you for staying." in reader.open().content.decode()


def test_kept_contract_offers_to_cancel_and_not_to_keep_again(reminder, reader):
    keep_contract(reminder_id=reminder.pk, at=READ_AT)

    text = reader.open().content.decode()

    assert "You told us on December 3, 2026" in text
    assert "Keep the contract" not in text
    assert "Cancel the contract" in text


def test_second_post_changes_nothing(reminder, reader):
    reader.keep()
    first = reminder.__class__.objects.get(pk=reminder.pk).kept_at

    reader.keep()

    assert reminder.__class__.objects.get(pk=reminder.pk).kept_at == first
    assert reminder.contract.timeline.filter(kind="contract_kept").count() == 1


# --- Cancel


def test_cancel_page_says_what_will_happen_and_where_the_code_goes(reader):
    text = reader.open("cancel/").content.decode()

    assert "If you cancel now, the last day of your contract is" in text
    assert "January 14, 2027" in text
    assert "r•••@morgenrot.example" in text
    assert "Type in the code" not in text


def test_code_from_the_mail_cancels_and_the_page_shows_the_receipt(reminder, reader):
    reason = CancellationReason.objects.get(code="competitor")
    reader.ask_for_code()
    assert "one-time-code" in reader.open("cancel/").content.decode()
    digits = newest_digits(reminder)

    answer = reader.cancel(f" {digits[:3]} {digits[3:]} ", reason=str(reason.pk))

    assert (answer.status_code, answer["Location"]) == (302, path_of(reminder))
    cancellation = Cancellation.objects.get()
    assert (cancellation.effective_on, cancellation.reason) == (LAST_DAY, reason)
    text = reader.open().content.decode()
    for said in ("January 14, 2027", "Café Morgenrot (K7)", "11:00\u202fAM (Central", "V-1047"):
        assert said in text


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６"])
def test_code_of_another_form_is_named_and_counts_as_no_try(reminder, reader, typed):
    reader.ask_for_code()

    answer = reader.cancel(typed)

    assert "The code has six digits." in answer.content.decode()
    assert DecisionCode.objects.get().wrong_tries == 0


def test_wrong_code_is_named_and_counts(reminder, reader):
    reader.ask_for_code()

    answer = reader.cancel(wrong_digits(reminder))

    assert "These are not the digits of the last mail." in answer.content.decode()
    assert DecisionCode.objects.get().wrong_tries == 1
    assert not Cancellation.objects.exists()


def test_after_five_wrong_tries_the_page_offers_a_new_code(reminder, reader):
    reader.ask_for_code()
    for _ in range(5):
        reader.cancel(wrong_digits(reminder))

    answer = reader.cancel(newest_digits(reminder))

    text = answer.content.decode()
    assert "This code is not valid any more." in text
    assert "Send me a code" in text
    assert not Cancellation.objects.exists()


def test_fourth_code_within_an_hour_gets_a_clear_page(reader):
    for _ in range(3):
        assert reader.ask_for_code().status_code == 302

    answer = reader.ask_for_code()

    assert "No more codes for now." in answer.content.decode()
    assert OutgoingMail.objects.filter(kind=DECISION_CODE).count() == 3


def test_impossible_wish_is_named_at_its_field(reminder, reader):
    reader.ask_for_code()

    answer = reader.cancel(newest_digits(reminder), wished_on="2026-12-01")

    assert answer.context["form"].errors == {
        "wished_on": ["The wished day lies before the day of receipt."]
    }


def test_second_cancellation_shows_the_first(reminder, reader):
    reader.ask_for_code()
    digits = newest_digits(reminder)
    reader.cancel(digits)

    answer = reader.client.post(
        path_of(reminder, "cancel/"), {"code": digits, "told_last_day": LAST_DAY.isoformat()}
    )

    assert (answer.status_code, answer["Location"]) == (302, path_of(reminder))
    assert Cancellation.objects.count() == 1


# --- Links that are over


def test_cancelled_contract_shows_its_last_day(reminder, reader):
    cancel(reminder.contract, date(2027, 3, 1), at=READ_AT)

    text = reader.open().content.decode()

    assert "Your contract is cancelled" in text
    assert "March 1, 2027" in text
    assert reader.open("cancel/").status_code == 302


def test_ended_contract_shows_when_it_ended(reminder, reader, clock):
    cancel(reminder.contract, READ_AT.date(), at=READ_AT)
    clock.shift(timedelta(days=1))
    advance_contracts(at=READ_AT + timedelta(days=1))

    text = reader.open().content.decode()

    assert "ended on December 3, 2026" in text
    assert "Keep the contract" not in text


def test_renewal_that_is_past_shows_the_next(reminder, reader, clock):
    clock.move_to(instant_on(RENEWAL), tick=False)
    advance_contracts(at=instant_on(RENEWAL))

    text = reader.open().content.decode()

    assert "This link is over" in text
    assert "it renews next on January 15, 2028" in text


def test_reader_who_does_not_decide_any_more_reads_nothing_of_the_contract(reminder, reader):
    reminder.contact.may_decide = False
    reminder.contact.save()

    page = reader.open()

    assert page.status_code == 403
    text = page.content.decode()
    assert "You do not decide about this contract" in text
    for secret in ("Webhosting", "V-1047", "10.00", "Morgenrot"):
        assert secret not in text


# --- Signed in


def signed_in(reader, email="rosa@morgenrot.example", *, verified=True, **user) -> Client:
    user = UserFactory(**user)
    EmailAddress.objects.create(user=user, email=email, verified=verified)
    reader.client.force_login(user)
    reader.user = user
    return reader.client


def test_who_is_signed_in_and_decides_needs_no_code(reminder, reader):
    signed_in(reader)

    assert "Send me a code" not in reader.open("cancel/").content.decode()
    answer = reader.cancel()

    assert answer.status_code == 302
    cancellation = Cancellation.objects.get()
    assert (cancellation.origin, cancellation.entered_by) == ("customer", reader.user)


def test_other_contact_of_the_account_who_decides_needs_no_code_either(reminder, reader):
    ContactFactory(account=reminder.contract.account, address="boss@morgenrot.example")
    signed_in(reader, "Boss@Morgenrot.example")

    reader.cancel()

    assert Cancellation.objects.count() == 1


def decides_by_code_only(reader) -> None:
    assert "Send me a code" in reader.open("cancel/").content.decode()
    answer = reader.cancel()
    assert "The code has six digits." in answer.content.decode()
    assert not Cancellation.objects.exists()


def test_address_that_is_not_verified_gives_no_right(reader):
    signed_in(reader, verified=False)
    decides_by_code_only(reader)


def test_contact_who_may_not_decide_gets_no_right_by_signing_in(reminder, reader):
    ContactFactory(
        account=reminder.contract.account, role="technical", address="admin@morgenrot.example"
    )
    signed_in(reader, "admin@morgenrot.example")
    decides_by_code_only(reader)


def test_decider_of_another_account_gets_no_right_by_signing_in(reader):
    ContactFactory(address="rosa@elsewhere.example")
    signed_in(reader, "rosa@elsewhere.example")
    decides_by_code_only(reader)


def test_staff_get_no_right_by_signing_in(reader):
    signed_in(reader, role="administrator")
    decides_by_code_only(reader)
