"""Sends reminders to a sink, beside a loop that renders and sends the same without any records.

It works on a copy of `cxcrm_bench`, so that what `run` measures stays undone.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from statistics import median
from time import perf_counter

from django.conf import settings
from django.core.mail import get_connection
from django.db import connections

from accounts.services.reminder_mail import RENEWAL_REMINDER
from accounts.services.renewals import plan_renewal_reminders
from benchmarks import sql
from benchmarks.measuring import measured_day
from benchmarks.sink import sink
from cxcrm.base import clock
from cxcrm.outbox.models import OutgoingMail
from cxcrm.outbox.services import MailRequest, deliver_mails, mail_kind, queue_mails
from cxcrm.outbox.services.delivery.message import compose_message
from cxcrm.outbox.services.rendering import frozen_facts, render
from cxcrm.outbox.services.wording import WordingsInForce

MOST_DAYS = 60
_fork = get_context("fork")


@dataclass(frozen=True)
class Letter:
    subject_id: int
    account_id: int
    address_id: int
    address: str
    language: str


def main(arguments: Namespace) -> None:
    day = measured_day()
    with ExitStack() as until_the_end:
        sql.use_copy_of_database()
        until_the_end.callback(sql.drop_copy_of_database)
        port, taken = until_the_end.enter_context(sink())
        settings.EMAIL_BACKEND = "cxcrm.outbox.services.delivery.relay.RelayBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.CXCRM_MAIL_CONNECTIONS = arguments.connections
        settings.CXCRM_QUIET_HOURS = ""
        letters = _letters(day, arguments.mails // arguments.rounds)
        at = clock.instant_on(day)
        print(f"\n{len(letters):,} reminders a round, {arguments.rounds} rounds, to a local sink")
        _measure(letters, arguments.rounds, at)
        expected = 4 * len(letters) * arguments.rounds
        if taken.value != expected:
            sys.exit(f"The sink has taken {taken.value:,} mails instead of {expected:,}.")


def _letters(day: date, number: int) -> list[Letter]:
    """Plan reminders day by day until there are enough of them."""
    for later in range(MOST_DAYS):
        plan_renewal_reminders(at=clock.instant_on(day + timedelta(days=later)))
        planned = OutgoingMail.objects.filter(kind=RENEWAL_REMINDER, finished_at=None)
        if planned.count() >= number:
            break
    columns = ("subject_id", "account_id", "address_id", "address__address", "language")
    # Relays without SMTPUTF8 take no other addresses.
    writable = planned.filter(address__address__regex="^[!-~]+$").order_by("id")
    letters = [Letter(*row) for row in writable.values_list(*columns)[:number]]
    planned.delete()
    return letters


def _measure(letters: list[Letter], rounds: int, at: datetime) -> None:
    ways = [
        ("loop, 1 process", lambda: _loop(letters, 1, at)),
        ("ours, 1 process", lambda: _ours(letters, 1, at)),
        ("loop, 2 processes", lambda: _loop(letters, 2, at)),
        ("ours, 2 processes", lambda: _ours(letters, 2, at)),
    ]
    seconds: dict[str, list[float]] = {name: [] for name, _way in ways}
    for _round in range(rounds):
        for name, way in ways:
            seconds[name].append(way())
    rates = {name: len(letters) / median(times) for name, times in seconds.items()}
    print(f"\n{'way':20} {'mails/s':>8} {'of the loop':>12} {'of 1 process':>13}")
    for name, _way in ways:
        of, processes = name.split(", ")
        print(
            f"{name:20} {rates[name]:8.0f} {rates[name] / rates[f'loop, {processes}']:12.2f}"
            f" {rates[name] / rates[f'{of}, 1 process']:13.2f}",
            flush=True,
        )


def _loop(letters: Sequence[Letter], processes: int, at: datetime) -> float:
    shares = [letters[number::processes] for number in range(processes)]
    return _seconds([lambda share=share: _send(share, at) for share in shares])


def _send(letters: Sequence[Letter], at: datetime) -> None:
    """What it takes at the least: facts, three templates, one message, one relay."""
    kind, wordings, relay = mail_kind(RENEWAL_REMINDER), WordingsInForce(), get_connection()
    for letter in letters:
        facts = frozen_facts(
            kind, subject_id=letter.subject_id, language=letter.language, at=at, wordings=wordings
        )
        rendered = render(
            kind, facts=facts, language=letter.language, secrets=kind.secrets(letter.subject_id)
        )
        message = compose_message(
            mail_id=letter.subject_id,
            planned_at=at,
            address=letter.address,
            language=letter.language,
            brand=facts["brand"],
            rendered=rendered,
            headers={},
        )
        relay.open()
        relay.send_messages([message])
    relay.close()


def _ours(letters: Sequence[Letter], processes: int, at: datetime) -> float:
    requests = [
        MailRequest(
            subject_id=letter.subject_id,
            account_id=letter.account_id,
            address_id=letter.address_id,
            language=letter.language,
        )
        for letter in letters
    ]
    queue_mails(kind=RENEWAL_REMINDER, requests=requests, at=at)
    seconds = _seconds([lambda: deliver_mails(at=at)] * processes)
    unsent = OutgoingMail.objects.filter(kind=RENEWAL_REMINDER, finished_at=None).count()
    if unsent:
        sys.exit(f"{unsent:,} mails are not sent.")
    return seconds


def _seconds(works: Sequence[Callable[[], object]]) -> float:
    """How long the slowest of several processes takes that begin at the same time."""
    connections.close_all()
    start = _fork.Barrier(len(works) + 1)
    processes = [_fork.Process(target=_work, args=(start, work)) for work in works]
    for process in processes:
        process.start()
    start.wait()
    begun = perf_counter()
    for process in processes:
        process.join()
        if process.exitcode:
            sys.exit(f"A sender ended with {process.exitcode}.")
    return perf_counter() - begun


def _work(start: Barrier, work: Callable[[], object]) -> None:
    start.wait()
    work()
