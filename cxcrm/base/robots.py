"""Tells people from the machines that open the links in mails, and lately send the forms behind.

A guard for pages that anybody may open who holds their address, without CAPTCHA or JavaScript:
a form carries a nonce, and whoever sends it the way no reader does is asked to confirm once more.
"""

from datetime import timedelta
from enum import StrEnum

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest

from cxcrm.base import clock

NONCE_FIELD = "nonce"
# Hidden from people; programs that fill in whatever they find fill it in, too.
TRAP_FIELD = "homepage"
# Nobody has read a page and found its button sooner.
SHORTEST_READING = timedelta(seconds=3)
# Whoever leaves a page open over lunch confirms nothing twice.
LONGEST_READING = timedelta(hours=4)


class Doubt(StrEnum):
    """Why a form looks as if a machine had sent it."""

    TRAPPED = "trapped"
    MISSING = "missing"
    FOREIGN = "foreign"  # for another purpose, for another client address, or made up
    OLD = "old"
    TOO_FAST = "too_fast"


def form_nonce(request: HttpRequest, purpose: str) -> str:
    """The hidden field of a form that is shown now to this client, for this purpose alone.

    `purpose` names what is done and to which row: `keep:17`.
    """
    return _signer(request, purpose).sign(str(int(clock.now().timestamp())))


def doubt(request: HttpRequest, purpose: str) -> Doubt | None:
    """Why this POST looks like a machine's; None where a person may well have sent it.

    Whoever doubts changes nothing and shows the form again with a new nonce.
    """
    if request.POST.get(TRAP_FIELD):
        return Doubt.TRAPPED
    nonce = request.POST.get(NONCE_FIELD)
    if not nonce:
        return Doubt.MISSING
    try:
        shown_at = int(_signer(request, purpose).unsign(nonce))
    except BadSignature:
        return Doubt.FOREIGN
    age = timedelta(seconds=clock.now().timestamp() - shown_at)
    if age > LONGEST_READING:
        return Doubt.OLD
    return Doubt.TOO_FAST if age < SHORTEST_READING else None


def _signer(request: HttpRequest, purpose: str) -> Signer:
    return Signer(salt=f"cxcrm.base.robots:{purpose}:{request.META['REMOTE_ADDR']}")
