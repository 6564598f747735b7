"""What a refusal says of an address, from the codes of RFC 5321 and RFC 3463."""

import re

from cxcrm.outbox.enums import BounceKind

_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_BASIC = re.compile(r"(?<![\d.])([245]\d\d)(?![\d.])")
# Mailbox unknown, not local, name not allowed.
_NO_SUCH_ADDRESS = {"550", "551", "553"}
# Mailbox disabled, no recipient of that name behind the gateway, no way to the domain.
_AS_GOOD_AS_NO_ADDRESS = {("2", "1"), ("4", "1"), ("4", "4")}
# Of addresses, but of the sender's.
_ABOUT_THE_SENDER = {("1", "7"), ("1", "8")}
# Words for an address that does not exist.
_ABOUT_THE_ADDRESS = re.compile(
    r"unknown|not (?:found|known|local)|n.?t exist|name not allowed|unrout|nobody"
    r"|no (?:such|mailbox|user|recipient)"
    r"|(?:invalid|not a valid) (?:recipient|mailbox|address|user)"
    r"|\b(?:user|recipient|mailbox|address|account)\b.{0,20}\b(?:disabled|inactive)",
    re.IGNORECASE,
)
# Words that speak of who sends, of what or of how much, whatever else is said.
_ABOUT_OTHERS = re.compile(
    r"relay(?! recipient)|sender|sending|outgoing|client|\bhost|reverse"
    r"|block|black|bann|denied|polic|spam|unsolicited|virus|abuse|reputation|authenti"
    r"|\b(?:helo|ehlo|ptr|dns[bw]l|rbl|spf|dkim|dmarc|your)\b"
    r"|quota|limit|exceed|full\b|too (?:large|big|many)|unknown (?:error|reason)",
    re.IGNORECASE,
)
# Servers call themselves relays, too, and speak of recipients that a relay does not know.
_NOT_PASSED_ON = re.compile(
    r"\brelay(?:ing)?(?: access)? (?:denied|not permitted|not allowed|prohibited)"
    r"|(?:unable|not permitted|not allowed) to relay|n.?t relay",
    re.IGNORECASE,
)
# An address or a link may be called anything.
_NAMES = re.compile(r"[^\s:()<>]+@[^\s:()<>]+|https?:\S+", re.IGNORECASE)


def bounce_kind(text: str) -> BounceKind:
    """Hard where a server says that the address does not exist; a full mailbox, a policy or a size
    says nothing about it, and so counts as soft. A bare 550 is used for all of these, so there the
    words beside it have to say so."""
    for digit, subject, detail in _ENHANCED.findall(text):
        # X.0.0 says nothing; the basic code may.
        if subject != "0":
            about_address = subject == "1" and (subject, detail) not in _ABOUT_THE_SENDER
            is_dead = about_address or (subject, detail) in _AS_GOOD_AS_NO_ADDRESS
            return BounceKind.HARD if digit == "5" and is_dead else BounceKind.SOFT
    basic = _BASIC.search(text)
    is_dead = (
        basic
        and basic[1] in _NO_SUCH_ADDRESS
        and _speaks(_ABOUT_THE_ADDRESS, text)
        and not _speaks(_ABOUT_OTHERS, text)
    )
    return BounceKind.HARD if is_dead else BounceKind.SOFT


def is_about_relaying(text: str) -> bool:
    """Whether a server says that it passes on no mail of ours."""
    return _speaks(_NOT_PASSED_ON, text) and bounce_kind(text) != BounceKind.HARD


def _speaks(words: re.Pattern[str], text: str) -> bool:
    return bool(words.search(_NAMES.sub(" ", text)))
