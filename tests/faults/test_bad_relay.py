"""F10-F14: the relay is away, refuses, loses the line or crawls; mails that cannot be written."""

import time
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from accounts.models import Task
from cxcrm.outbox.enums import MailReason, MailState
from cxcrm.outbox.models import MailAddress, OutgoingMail
from tests.faults.experiment import FULL, LEAST_MAILS, MAILS, Experiment, Outcome, only_in_full
from tests.faults.load import DAY
from tests.processes.smtp_server import refuses, tarpits
from tests.processes.smtp_sink import TakenMail
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

MAILS_OF_EACH = MAILS if FULL else LEAST_MAILS
SECONDS_AWAY = 60 if FULL else 8
# Until the first tries have been made over and over.
# Back-offs are a sixtieth of those in production: an hour there.
SECONDS_OF_REFUSAL = 60 if FULL else 4
MOST_TRIES = 8
MOST_CONNECTIONS_PER_SECOND = 2
MOST_COPIES = 3
UNCERTAIN_SECONDS = 2


def start(deployment, name: str, *, teeth: str = "", mails: int = MAILS_OF_EACH) -> Experiment:
    """A wave, a beat and a worker in which that guard is missing."""
    wave = Experiment(name, deployment, teeth)
    wave.plan_wave(mails)
    deployment.start_beat()
    deployment.start_worker(children=2, altered=teeth)
    return wave


# --- F10: away, or not now


def test_relay_that_is_away_is_asked_now_and_then_and_gets_everything_later(deployment, record):
    """First nobody listens, then somebody does who says 421."""
    deployment.sink.stop()
    wave = start(deployment, "F10 away")
    time.sleep(SECONDS_AWAY / 2)
    deployment.sink.behave("away")
    deployment.sink.start()
    before, since = len(deployment.sink.tries()), time.monotonic()
    time.sleep(SECONDS_AWAY / 2)
    knocks, seconds = len(deployment.sink.tries()) - before, time.monotonic() - since
    deployment.sink.behave("ok")
    wave.notes.append(f"{knocks} connections in {seconds:.0f} s")

    record(wave.settle()).keeps_the_promise(most_doubles=0)
    assert 0 < knocks <= MOST_CONNECTIONS_PER_SECOND * seconds


def refuse_for_now(deployment, *, teeth: str = "") -> Outcome:
    deployment.sink.behave("451")
    wave = start(deployment, "F10 451", teeth=teeth)
    if teeth:
        wait_until(lambda: max(tries_of(deployment, wave.expected)) > MOST_TRIES, 60, "many tries")
    else:
        time.sleep(SECONDS_OF_REFUSAL)
    deployment.sink.behave("ok")
    return wave.settle()


def test_temporary_refusals_are_tried_again_ever_more_seldom(deployment, record):
    outcome = record(refuse_for_now(deployment))
    outcome.keeps_the_promise(most_doubles=0)
    assert 1 < outcome.most_tries <= MOST_TRIES, outcome


def test_temporary_refusals_without_back_off_are_noticed(deployment, record):
    outcome = record(refuse_for_now(deployment, teeth="knock-on-and-on"))
    assert outcome.most_tries > MOST_TRIES, outcome


def test_greylisted_mails_go_with_the_second_try(deployment, record):
    deployment.sink.behave("greylist")
    outcome = record(start(deployment, "F10 greylist").settle())
    outcome.keeps_the_promise(most_doubles=0)
    assert outcome.most_tries == 2, outcome


# --- F11: refused for good


def refuse_for_good(deployment, *, teeth: str = "") -> tuple[Outcome, list[str]]:
    """Also answers whom the relay does not know."""
    deployment.sink.behave("550-one-in-ten")
    wave = start(deployment, "F11", teeth=teeth)
    refused = [address for address in wave.expected if refuses(address)]
    wave.expected = [address for address in wave.expected if not refuses(address)]
    if teeth:
        wait_until(lambda: max(tries_of(deployment, refused)) > 1, 60, "a second try")
        deployment.sink.behave("ok")
        wave.unwanted = refused
    return wave.settle(), refused


def tries_of(deployment, addresses: list[str]) -> list[int]:
    counted = Counter(each.recipient for each in deployment.sink.tries())
    return [counted[address] for address in addresses]


def test_who_is_refused_for_good_is_tried_once_and_somebody_is_told(deployment, record):
    outcome, refused = refuse_for_good(deployment)
    record(outcome).keeps_the_promise(most_doubles=0)

    assert refused
    assert tries_of(deployment, refused) == [1] * len(refused)
    failed = OutgoingMail.objects.filter(state=MailState.FAILED, reason=MailReason.REFUSED)
    assert set(failed.values_list("address__address", flat=True)) == set(refused)
    assert all(
        outcome.startswith("550 5.1.1") for outcome in failed.values_list("outcome", flat=True)
    )
    dead = MailAddress.objects.filter(bounced_at__isnull=False)
    assert set(dead.values_list("address", flat=True)) == set(refused)
    wait_until(lambda: Task.objects.count() >= len(refused), 30, "a task for each of them")
    assert Task.objects.count() == len(refused)


def test_who_is_refused_for_good_and_tried_again_is_noticed(deployment, record):
    outcome, _refused = refuse_for_good(deployment, teeth="take-no-for-not-yet")
    assert record(outcome).most_tries > 1
    with pytest.raises(AssertionError):
        outcome.keeps_the_promise(most_doubles=0)


# --- F12: nobody knows whether it arrived


def lose_the_answers(deployment, *, teeth: str = "") -> Outcome:
    """The line is cut after every mail; with teeth until one has had too many copies."""
    deployment.environment["CXCRM_MAIL_UNCERTAIN_SECONDS"] = str(UNCERTAIN_SECONDS)
    deployment.sink.behave("reset-after-data")
    wave = start(deployment, "F12 reset", teeth=teeth, mails=LEAST_MAILS)
    waiting = OutgoingMail.objects.filter(reason=MailReason.UNCERTAIN, state=MailState.QUEUED)
    wait_until(waiting.exists, 30, "a mail that is shown as uncertain")
    if teeth:
        wait_until(lambda: most_copies(deployment) > MOST_COPIES, 60, "a copy too many")
        deployment.sink.behave("ok")
    return wave.settle()


def most_copies(deployment) -> int:
    return max(Counter(mail.mail for mail in deployment.sink.taken()).values(), default=0)


def test_lost_answers_make_few_copies_of_one_mail_far_apart(deployment, record):
    outcome = record(lose_the_answers(deployment))

    outcome.keeps_the_promise(most_doubles=outcome.n * (MOST_COPIES - 1))
    assert outcome.max_copies == MOST_COPIES
    times: dict[str, list[float]] = {}
    for mail in deployment.sink.taken():
        times.setdefault(mail.mail, []).append(mail.time)
    pauses = [after - before for moments in times.values() for before, after in pairwise(moments)]
    assert min(pauses) >= UNCERTAIN_SECONDS
    # For the desk they are over, and uncertain.
    given_up = OutgoingMail.objects.filter(state=MailState.FAILED, reason=MailReason.UNCERTAIN)
    assert given_up.count() == outcome.n


def test_lost_answers_that_nobody_counts_are_noticed(deployment, record):
    outcome = record(lose_the_answers(deployment, teeth="send-again-and-again"))
    assert outcome.max_copies > MOST_COPIES


def test_answers_that_come_too_late_make_few_copies_of_one_mail(deployment, record):
    deployment.environment["EMAIL_TIMEOUT"] = "2"
    deployment.sink.behave("late-250")
    wave = start(deployment, "F12 late", mails=LEAST_MAILS)
    wave.wait_for_mails(3)
    deployment.sink.behave("ok")
    outcome = record(wave.settle())
    outcome.keeps_the_promise(most_doubles=outcome.n * (MOST_COPIES - 1))
    assert 1 < outcome.max_copies <= MOST_COPIES


# --- F13: one connection crawls


@pytest.mark.parametrize("connections", [3, pytest.param(1, marks=only_in_full)])
def test_tarpits_do_not_hold_up_the_others(deployment, record, connections):
    """Reported, not judged: how fast the others are beside them."""
    deployment.environment |= {"CXCRM_MAIL_CONNECTIONS": str(connections), "EMAIL_TIMEOUT": "6"}
    deployment.sink.behave("slow-250")
    wave = start(deployment, "F13")
    wave.wait_for_mails(len(wave.expected))
    normal = rate_of(deployment.sink.taken())
    deployment.sink.behave("tarpit-one-in-thirty")
    wave.plan_wave(name="tarpit", day=DAY + timedelta(days=1))
    wave.wait_for_mails(len(wave.expected))
    others = [
        mail
        for mail in deployment.sink.taken()[len(wave.expected) // 2 :]
        if not tarpits(mail.recipients[0])
    ]
    wave.notes.append(
        f"{connections} connections, {rate_of(others) / normal:.0%} of the normal rate"
    )

    caught = sum(tarpits(address) for address in wave.expected)
    assert caught
    record(wave.settle()).keeps_the_promise(most_doubles=caught * (MOST_COPIES - 1))


def rate_of(mails: list[TakenMail]) -> float:
    return len(mails) / (mails[-1].time - mails[0].time)


# --- F14: mails that cannot be written


def mix_in_poison(deployment, *, teeth: str = "") -> tuple[Outcome, list[OutgoingMail]]:
    """Two among many: about nothing, and to an address that the relay's protocol cannot say."""
    wave = Experiment("F14", deployment, teeth)
    wave.plan_wave()
    mails = list(OutgoingMail.objects.select_related("address").order_by("id")[5:7])
    OutgoingMail.objects.filter(pk=mails[0].pk).update(subject_id=0)
    MailAddress.objects.filter(pk=mails[1].address_id).update(
        address="jürgen\ud7ff@customers.example"
    )
    poisoned = {mail.address.address for mail in mails}
    wave.expected = [address for address in wave.expected if address not in poisoned]
    deployment.start_beat()
    deployment.start_worker(altered=teeth)
    outcome = wave.settle()
    return outcome, list(OutgoingMail.objects.filter(pk__in=[mail.pk for mail in mails]))


def test_poison_fails_alone_and_the_others_keep_their_order(deployment, record):
    outcome, poison = mix_in_poison(deployment)
    record(outcome).keeps_the_promise(most_doubles=0)

    assert [mail.state for mail in poison] == [MailState.FAILED] * 2
    assert all(mail.reason and mail.outcome for mail in poison)
    order = [int(mail.mail) for mail in deployment.sink.taken()]
    assert order == sorted(order)


def test_poison_that_ends_the_workers_turn_is_noticed(deployment, record):
    outcome, poison = mix_in_poison(deployment, teeth="fall-over-poison")
    record(outcome)
    assert any(mail.state != MailState.FAILED for mail in poison)
