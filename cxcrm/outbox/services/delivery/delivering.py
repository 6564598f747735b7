"""Delivers the mails that are due, over one or several connections at the same time."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from math import inf

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections

from cxcrm.base.queue import after_commit
from cxcrm.outbox.services.delivery.answers import RelayAway
from cxcrm.outbox.services.delivery.handover import relay_name
from cxcrm.outbox.services.delivery.recording import release
from cxcrm.outbox.services.delivery.sending import send_claimed_mail
from cxcrm.outbox.services.delivery.turns import Turn
from cxcrm.outbox.services.hold import may_send
from cxcrm.outbox.services.queueing import DELIVER_MAILS

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DeliveryCounts:
    accepted: int = 0
    suppressed: int = 0
    failed: int = 0
    postponed: int = 0  # tried, to be tried again
    waiting: int = 0  # not tried: it may not go yet
    released: int = 0  # not tried
    overtaken: int = 0  # the lease ran out and somebody else went on


def deliver_mails(
    *, at: datetime, connection: BaseEmailBackend | None = None, seconds: float = inf
) -> DeliveryCounts:
    """Send what is due by the database's clock, until nothing is or `seconds` are over.

    Call it outside any transaction. Each mail is claimed, checked as of the later of `at` and
    the time that it was planned for, begun, sent and recorded, every step committed alone; whoever
    dies in between leaves a lease that runs out. A mail that cannot be written fails alone.
    CXCRM_MAIL_CONNECTIONS mails are handed over at the same time, all over `connection` one by one
    if it is given. While the relay is away nobody on this host knocks again before
    CXCRM_MAIL_RETRY_SECONDS.
    Rings the bell where time was up before the mails were. Sends nothing while mails are on hold.
    """
    relay_away = _relay_away(connection or get_connection())
    if cache.get(relay_away) or not may_send(at=at):
        return DeliveryCounts()
    turn = Turn(at=at, seconds=seconds)
    at_hand = turn.fill()
    if connection:
        _work(turn, connection)
    elif at_hand:
        _work_over_several(turn, min(settings.CXCRM_MAIL_CONNECTIONS, at_hand))
    pause = 0
    if turn.away:
        pause = settings.CXCRM_MAIL_RETRY_SECONDS
        logger.warning("relay_away", reason=str(turn.away), pause=pause)
        cache.set(relay_away, True, pause)
    turn.count("released", release(turn.left(), seconds=pause))
    if turn.is_time_up:
        after_commit(DELIVER_MAILS)
    return DeliveryCounts(**turn.counts)


def _relay_away(connection: BaseEmailBackend) -> str:
    """Where it is noted that this host has no way to this relay: others may have one, or another
    relay."""
    key = f"outbox.relay_away.{socket.gethostname()}.{relay_name(connection)}"
    return key.replace(" ", "-")


def _work_over_several(turn: Turn, number: int) -> None:
    """One connection in this thread, the others in threads of their own.

    Whatever ends this thread ends the others; the first error among them is raised.
    """
    with ThreadPoolExecutor(max(number - 1, 1)) as pool:
        others = [
            pool.submit(copy_context().run, _work_in_thread, turn) for _other in range(number - 1)
        ]
        _work(turn, get_connection())
    for other in others:
        other.result()


def _work_in_thread(turn: Turn) -> None:
    try:
        _work(turn, get_connection())
    finally:
        connections.close_all()


def _work(turn: Turn, connection: BaseEmailBackend) -> None:
    """Deliver mail after mail over one connection, until the turn is over."""
    try:
        while claim := turn.take():
            turn.count(send_claimed_mail(claim, turn=turn, connection=connection))
    except RelayAway as away:
        turn.end(away=away)
    except BaseException:
        turn.end()
        raise
    finally:
        connection.close()
