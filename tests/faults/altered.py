"""Starts a program of cxcrm in which something is different from the real one.

`python -m tests.faults.altered NAMES MODULE ARGUMENTS...`, names with commas between them. Most
alterations take a guard out, so that an experiment can prove that it would notice.
"""

import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import django
from celery import Task
from celery.signals import task_postrun
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxcrm.settings")
django.setup()

from django.conf import settings  # noqa: E402 - after django.setup()

from accounts.services import renewals  # noqa: E402 - after django.setup()
from cxcrm.base import queue  # noqa: E402 - after django.setup()
from cxcrm.base.rest import views  # noqa: E402 - after django.setup()
from cxcrm.outbox import tasks  # noqa: E402 - after django.setup()
from cxcrm.outbox.services.delivery import handover, recording, sending  # noqa: E402 - after django.setup()
from cxcrm.outbox.services.delivery.answers import Verdict  # noqa: E402 - after django.setup()
from tests.faults.turns import turn_over  # noqa: E402 - after django.setup()

real_now = timezone.now
real_answer_of_relay = handover.answer_of_relay
real_queue_reminders = renewals.queue_reminders


def set_the_clock_back() -> None:
    timezone.now = lambda: real_now() - timedelta(hours=2)


def hand_tasks_out_twice() -> None:
    """The broker gives a task to somebody else long before it can be done."""
    settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] = 5
    tasks.TURN_SECONDS = 15


def plan_in_small_steps() -> None:
    """A plan takes many transactions and long enough to be struck."""
    renewals.BATCH = 5

    def queue_reminders(*arguments, **options) -> None:
        real_queue_reminders(*arguments, **options)
        time.sleep(0.1)

    renewals.queue_reminders = queue_reminders


def insist_on_the_broker() -> None:
    """Whoever rings the bell fails where nobody hears it."""

    def publish(name: str, ids: dict[str, int]) -> None:
        queue.current_app.send_task(name, kwargs=ids)

    queue._publish = publish


def knock_on_and_on() -> None:
    """A temporary refusal is answered by another try at once."""
    recording.RETRY_AFTER = (0.01,) * 1_000


def take_no_for_not_yet() -> None:
    def answer_of_relay(error: OSError):
        answer = real_answer_of_relay(error)
        is_no = answer.verdict == Verdict.PERMANENT
        return replace(answer, verdict=Verdict.TEMPORARY) if is_no else answer

    handover.answer_of_relay = answer_of_relay


def send_again_and_again() -> None:
    """Uncertain tries are not counted."""
    recording.MOST_UNCERTAIN = sending.MOST_UNCERTAIN = 1_000


def fall_over_poison() -> None:
    """What cannot be written ends the worker's turn instead of the mail."""
    sending.OperationalError = Exception


def act_each_time() -> None:
    """A POST is done whatever was answered before."""
    views.answer_once = lambda act, request, **options: act()


def die_before_the_reply() -> None:
    """The deed of a POST is committed, and nobody is told."""
    answer_once = views.answer_once

    def answer_and_die(*arguments, **options) -> None:
        answer_once(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    views.answer_once = answer_and_die


def die_before_the_commit() -> None:
    """The deed of a POST is done and not committed."""
    answer_once = views.answer_once

    def act_and_die(act: Callable[[], object], request: object, **options) -> None:
        def die() -> None:
            act()
            os.kill(os.getpid(), signal.SIGKILL)

        answer_once(die, request, **options)

    views.answer_once = act_and_die


def tell_of_turns() -> None:
    """Nothing done is no line in the real log."""

    def tell(task: Task, **signal: object) -> None:
        sys.stdout.write(turn_over(task.name))

    task_postrun.connect(tell, weak=False)


ALTERATIONS: dict[str, Callable[[], None]] = {
    alteration.__name__.replace("_", "-"): alteration
    for alteration in (
        act_each_time,
        die_before_the_commit,
        die_before_the_reply,
        fall_over_poison,
        hand_tasks_out_twice,
        insist_on_the_broker,
        knock_on_and_on,
        plan_in_small_steps,
        send_again_and_again,
        set_the_clock_back,
        take_no_for_not_yet,
        tell_of_turns,
    )
}


if __name__ == "__main__":
    _here, names, program, *arguments = sys.argv
    for name in names.split(","):
        ALTERATIONS[name]()
    sys.argv = [program, *arguments]
    runpy.run_module(program, run_name="__main__", alter_sys=True)
