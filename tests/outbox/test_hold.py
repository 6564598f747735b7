from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cxcrm.outbox.enums import HoldReason, MailReason, MailState
from cxcrm.outbox.models import DeliveryState, OutgoingMail
from cxcrm.outbox.selectors import WaitingKind, delivery_state, waiting_mails
from cxcrm.outbox.services import DeliveryCounts, deliver_mails, hold_mails, release_mails
from cxcrm.outbox.services.hold import (
    HeldBySetting,
    MailsAreHeld,
    MailsAreNotHeld,
    MomentToCome,
    awaits_release,
    may_send,
)
from cxcrm.users.enums import Role
from tests.factories import UserFactory
from tests.outbox.letters import NOW, mail

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)


def restore() -> None:
    """What a restored backup brings: the row of another database."""
    may_send(at=NOW)
    DeliveryState.objects.update(identity="7392.00000001.16384.16999")


def test_first_turn_writes_down_which_database_sends(letters, relay):
    letters.queue("a@example.com")

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)

    identity = DeliveryState.objects.get().identity
    server, timeline, database, table = identity.split(".")
    assert (len(timeline), all(part.isalnum() for part in (server, database, table))) == (8, True)
    assert deliver_mails(at=NOW) == DeliveryCounts()
    assert DeliveryState.objects.get().identity == identity
    assert delivery_state().is_held is False


def test_restored_database_sends_nothing_until_it_is_released(letters, relay, caplog):
    letters.queue("a@example.com", "b@example.com")
    letters.refusals[1] = "The contract is over."
    restore()

    assert deliver_mails(at=NOW) == DeliveryCounts()
    assert deliver_mails(at=LATER) == DeliveryCounts()

    state = delivery_state()
    assert (state.is_held, state.held_since, state.hold_reason) == (True, NOW, HoldReason.RESTORED)
    assert [record.levelname for record in caplog.records if "mails_held" in record.message] == [
        "ERROR"
    ]
    assert (mail(1).state, mail(1).attempt, relay.log) == (MailState.QUEUED, 0, [])

    release_mails(actor=None, at=LATER)

    assert deliver_mails(at=LATER) == DeliveryCounts(accepted=1, suppressed=1)
    assert relay.recipients == ["b@example.com"]
    assert delivery_state().is_held is False


@pytest.mark.parametrize("is_copy", [False, True])
def test_mails_on_hold_cost_one_query_a_turn(letters, is_copy):
    letters.queue("a@example.com")
    if is_copy:
        restore()
    hold_mails(actor=None, at=NOW)
    deliver_mails(at=NOW)

    with CaptureQueriesContext(connection) as captured:
        deliver_mails(at=NOW)

    asked = [query["sql"] for query in captured if "cxcrm_cache" not in query["sql"]]
    assert len(asked) == 1


def test_release_may_discard_what_was_planned_before_a_moment(letters, relay):
    letters.queue("early@example.com", at=NOW)
    restore()
    deliver_mails(at=NOW)

    released = release_mails(actor=None, at=LATER, discard_planned_before=LATER)

    assert released.discarded == 1
    assert (mail().state, mail().reason, mail().finished_at) == (
        MailState.SUPPRESSED,
        MailReason.DISCARDED,
        LATER,
    )
    letters.queue("late@example.com", at=LATER)
    hold_mails(actor=None, at=LATER)
    assert release_mails(actor=None, at=LATER, discard_planned_before=LATER).discarded == 0
    assert deliver_mails(at=LATER) == DeliveryCounts(accepted=1)


def test_release_refuses_a_moment_to_come(letters):
    hold_mails(actor=None, at=NOW)

    with pytest.raises(MomentToCome) as refusal:
        release_mails(actor=None, at=NOW, discard_planned_before=LATER)

    assert refusal.value.field == "discard_planned_before"
    assert delivery_state().is_held is True


def test_copy_awaits_its_release_whoever_held_its_mails_before():
    assert awaits_release() is False
    hold_mails(actor=None, at=NOW)
    assert awaits_release() is False
    restore()
    assert awaits_release() is True

    release_mails(actor=None, at=LATER)

    assert awaits_release() is False


def test_copy_of_a_database_on_hold_says_that_it_is_one(caplog):
    restore()
    hold_mails(actor=UserFactory(), at=NOW)
    caplog.clear()

    assert may_send(at=LATER) is False
    assert may_send(at=LATER) is False

    state = delivery_state()
    assert (state.hold_reason, state.held_since, state.changed_by) == (
        HoldReason.RESTORED,
        LATER,
        "",
    )
    assert [record.levelname for record in caplog.records if "mails_held" in record.message] == [
        "ERROR"
    ]


def test_setting_makes_a_copy_of_a_database_on_hold_until_it_is_released(settings):
    hold_mails(actor=None, at=NOW)
    settings.CXCRM_HOLD_MAILS = True
    assert may_send(at=LATER) is False
    settings.CXCRM_HOLD_MAILS = False

    assert (delivery_state().hold_reason, awaits_release()) == (HoldReason.SETTING, True)
    with pytest.raises(MailsAreHeld):
        hold_mails(actor=None, at=LATER)
    assert awaits_release() is True

    release_mails(actor=None, at=LATER)

    assert (may_send(at=LATER), awaits_release()) == (True, False)


def test_setting_makes_a_copy_until_it_is_released(settings):
    settings.CXCRM_HOLD_MAILS = True
    assert awaits_release() is True
    may_send(at=NOW)
    settings.CXCRM_HOLD_MAILS = False
    assert awaits_release() is True

    release_mails(actor=None, at=LATER)

    assert awaits_release() is False


def test_setting_holds_until_somebody_releases_without_it(letters, relay, settings):
    letters.queue("a@example.com")
    settings.CXCRM_HOLD_MAILS = True
    assert delivery_state().is_held is True

    assert deliver_mails(at=NOW) == DeliveryCounts()
    with pytest.raises(HeldBySetting):
        release_mails(actor=None, at=NOW)
    settings.CXCRM_HOLD_MAILS = False

    assert deliver_mails(at=NOW) == DeliveryCounts()
    assert delivery_state().hold_reason == HoldReason.SETTING
    release_mails(actor=None, at=NOW)
    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)


def test_hold_by_hand_says_who_and_when():
    manager = UserFactory(role=Role.CX_MANAGER)
    hold_mails(actor=manager, at=NOW)

    state = delivery_state()
    assert (state.held_since, state.hold_reason, state.changed_by) == (
        NOW,
        HoldReason.BY_HAND,
        str(manager),
    )
    with pytest.raises(MailsAreHeld):
        hold_mails(actor=manager, at=LATER)
    release_mails(actor=manager, at=LATER)
    with pytest.raises(MailsAreNotHeld):
        release_mails(actor=manager, at=LATER)
    assert (delivery_state().held_since, delivery_state().changed_at) == (None, LATER)


def test_waiting_mails_are_counted_by_kind(letters, relay):
    letters.queue("a@example.com", "b@example.com", at=LATER)
    letters.queue("c@example.com", kind="news", at=NOW)
    OutgoingMail.objects.filter(subject_id=2).update(
        state=MailState.ACCEPTED, finished_at=LATER, planned_at=NOW
    )

    assert waiting_mails() == [WaitingKind("letter", 1, LATER), WaitingKind("news", 1, NOW)]


def test_commands_hold_tell_and_release(letters, relay):
    letters.queue("a@example.com", at=datetime(2026, 6, 1, 8, tzinfo=UTC))
    call_command("hold_mails", stdout=StringIO())
    told = StringIO()

    call_command("release_mails", stdout=told)

    assert told.getvalue().splitlines() == [
        "On hold: Held by hand",
        "         1  letter, since 2026-06-01 08:00 UTC",
        "Nothing is changed. Add --yes to release them.",
    ]
    assert deliver_mails(at=NOW) == DeliveryCounts()
    call_command(
        *("release_mails", "--yes", "--discard-planned-before", "2026-06-01T08:01Z"),
        stdout=told,
    )
    assert told.getvalue().splitlines()[-1] == "Mails leave again. Discarded: 1"
    assert mail().reason == MailReason.DISCARDED
    with pytest.raises(CommandError, match="not on hold"):
        call_command("release_mails", "--yes", stdout=told)


def test_without_the_guard_a_restored_database_sends(letters, relay, settings):
    """The experiment's teeth bite."""
    letters.queue("a@example.com")
    restore()
    settings.CXCRM_TEETH = {"hold"}

    assert deliver_mails(at=NOW) == DeliveryCounts(accepted=1)
