"""F19: a backup taken while a wave is on its way is restored on a new host."""

from dataclasses import replace

import pytest
from django.db import connection

from accounts.enums import ContractState, ReminderState
from accounts.models import Contract, RenewalReminder
from cxcrm.base import clock
from cxcrm.outbox.enums import HoldReason, MailState
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.selectors import delivery_state
from cxcrm.outbox.services import DELIVER_MAILS
from cxcrm.outbox.services.hold import may_send
from tests.faults.experiment import FEW_MAILS, FULL, Experiment, Outcome
from tests.faults.load import DAY, add_customers
from tests.faults.turns import wait_for_turns
from tests.processes.database import connected_to, new_database
from tests.processes.process import Process

pytestmark = pytest.mark.faults

MAILS = 1_000 if FULL else FEW_MAILS
# The old host sends so many more before it is lost.
MAILS_AFTER_THE_BACKUP = 10
CONTRACTS_THAT_ENDED = 10
TURNS_ON_HOLD = 3
DECIDE_WHAT_IS_DUE = "accounts.run_due_work"
HOSTS_THAT_DIED = 2


def restore_mid_wave(deployment, *, teeth: str = "") -> Outcome:
    """The wave begins on one host, and ends on another that has the backup of a moment between."""
    deployment.sink.behave("slow-250")
    wave = Experiment("F19", deployment, teeth)
    wave.plan_wave(MAILS)
    old = deployment.start_worker("old-worker")
    beat = deployment.start_beat("old-beat")
    wave.wait_for_mails(len(wave.expected) // 3)
    lose(wave, beat, old)
    lost_host = connection.settings_dict["NAME"]
    connection.close()
    with new_database(f"{lost_host}_restored", template=lost_host) as url:
        until_backup = len(deployment.sink.taken())
        old = deployment.start_worker("old-worker-again")
        beat = deployment.start_beat("old-beat-again")
        wave.wait_for_mails(until_backup + MAILS_AFTER_THE_BACKUP)
        lose(wave, beat, old)
        sent_after_backup = len(deployment.sink.taken()) - until_backup

        deployment.environment |= {"DATABASE_URL": url, "CXCRM_TEETH": teeth}
        with connected_to(f"{lost_host}_restored"):
            sent_on_hold = start_new_host(wave)
            if not teeth:
                assert delivery_state().hold_reason == HoldReason.RESTORED
                end_contracts(wave)
                deployment.manage("release_mails", "--yes")
            outcome = wave.settle()
    return replace(
        outcome,
        unwanted=outcome.unwanted + sent_on_hold,
        note=f"{sent_on_hold} sent on hold, {sent_after_backup} after the backup",
    )


def restore_before_wave(deployment, *, teeth: str = "") -> Outcome:
    """The wave is decided and sent by the host that is lost, after its last backup."""
    wave = Experiment("F19 lost wave", deployment, teeth)
    lost_host = connection.settings_dict["NAME"]
    # Due today, so that beat has it decided.
    wave.expected = add_customers("lost-wave", MAILS, remind_on=clock.now().date())
    remember_which_database_sends()
    connection.close()
    with new_database(f"{lost_host}_restored", template=lost_host) as url:
        old = deployment.start_worker("old-worker")
        beat = deployment.start_beat("old-beat")
        wave.wait_for_mails(MAILS)
        wave.settle()
        lose(wave, beat, old)
        lost_at = clock.now()

        deployment.environment |= {"DATABASE_URL": url, "CXCRM_TEETH": teeth}
        with connected_to(f"{lost_host}_restored"):
            sent_on_hold = start_new_host(wave)
            decided_on_hold = RenewalReminder.objects.count()
            if not teeth:
                assert delivery_state().hold_reason == HoldReason.RESTORED
                assert decided_on_hold == 0
                moment = lost_at.isoformat()
                deployment.manage("release_mails", "--yes", "--discard-planned-before", moment)
                assert held_reminders() == MAILS
            # The first may have begun before the release.
            wait_for_turns(deployment.named("new-worker"), DECIDE_WHAT_IS_DUE, number=2)
            wait_for_turns(deployment.named("new-worker"), DELIVER_MAILS)
            outcome = wave.settle()
    return replace(
        outcome, note=f"{sent_on_hold} sent, {decided_on_hold} decided before the release"
    )


def remember_which_database_sends() -> None:
    """As its first turn of delivery does."""
    may_send(at=clock.now())


def held_reminders() -> int:
    return RenewalReminder.objects.filter(state=ReminderState.HELD).count()


def lose(wave: Experiment, beat: Process, worker: Process) -> None:
    """The host is gone, and nobody starts it again."""
    wave.deployment.supervisor.let_go(beat)
    wave.deployment.supervisor.let_go(worker)
    beat.kill()
    worker.kill()
    wave.kills += 1


def start_new_host(wave: Experiment) -> int:
    """How many mails it sends before anybody has looked at it."""
    sink = wave.deployment.sink
    before = len(sink.taken())
    worker = wave.deployment.start_worker("new-worker", altered="tell-of-turns")
    wave.deployment.start_beat("new-beat")
    for task in (DECIDE_WHAT_IS_DUE, DELIVER_MAILS):
        wait_for_turns([worker], task, number=TURNS_ON_HOLD)
    return len(sink.taken()) - before


def end_contracts(wave: Experiment) -> None:
    """While mails are on hold some contracts end: nobody needs these reminders any more."""
    reached = {address for mail in wave.deployment.sink.taken() for address in mail.recipients}
    waiting = OutgoingMail.objects.filter(state__in=MailState.LIVING)
    ended = [
        mail for mail in waiting.select_related("address") if mail.address.address not in reached
    ][:CONTRACTS_THAT_ENDED]
    Contract.objects.filter(reminders__in=[mail.subject_id for mail in ended]).update(
        state=ContractState.ENDED, ends_on=DAY
    )
    wave.unwanted = [mail.address.address for mail in ended]
    wave.expected = [address for address in wave.expected if address not in wave.unwanted]


def test_restored_backup_holds_its_mails_until_they_are_released(deployment, record):
    outcome = record(restore_mid_wave(deployment))

    sent_after_backup = int(outcome.note.split(", ")[1].split()[0])
    outcome.keeps_the_promise(most_doubles=sent_after_backup + HOSTS_THAT_DIED)


def test_restored_backup_without_hold_is_noticed(deployment, record):
    outcome = record(restore_mid_wave(deployment, teeth="hold"))

    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=HOSTS_THAT_DIED)


def test_what_the_lost_host_has_decided_goes_to_nobody_twice(deployment, record):
    outcome = record(restore_before_wave(deployment))

    outcome.keeps_the_promise(most_doubles=0)


def test_what_the_lost_host_has_decided_goes_twice_without_hold(deployment, record):
    outcome = record(restore_before_wave(deployment, teeth="hold"))

    assert outcome.double == outcome.n
