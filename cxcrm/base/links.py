"""Links in mails: derived from what they open, so that none is stored and each can be sent again.

`<subject>.<seal>`: the seal is an HMAC-SHA256 over purpose, number of the key, subject and lasting
facts of the row that the subject names, cut to 16 bytes. A number alone does not name a row for
good: after a restore it may be given to another one, which old links must not open. Used, expired
and revoked are states of the row that a link opens.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest, digest
from urllib.parse import urljoin

from django.conf import settings

SEAL_BYTES = 16
CODE_DIGITS = 6
_LINK = re.compile(r"([0-9]{1,18}(?:-[a-z_]{1,20})?)\.([A-Za-z0-9_-]{22})")


def seal(purpose: str, subject: int | str, *, bound_to: str) -> str:
    """The token of a link to `subject`, a row's id, with a word behind a hyphen if need be.

    `bound_to`: what makes the row differ from all others and never changes.
    """
    number, secret = _keys()[0]
    return f"{subject}.{_seal(purpose, str(subject), bound_to, number, secret)}"


def opened(purpose: str, token: str, *, bound_to: Callable[[int], str | None]) -> str | None:
    """The subject of a token that was sealed for this purpose and for what `bound_to` tells of
    the row with this id, None where there is none. None for any other token.

    Nothing is looked up for what does not look like a token.
    """
    link = _LINK.fullmatch(token)
    if link is None:
        return None
    subject, given = link.groups()
    facts = bound_to(row_of(subject))
    # All keys are tried, also where there is no such row, so that the time tells little.
    fits = [compare_digest(given, _seal(purpose, subject, facts or "", *key)) for key in _keys()]
    return subject if any(fits) and facts is not None else None


def row_of(subject: str) -> int:
    """The id in a subject, without the word behind it."""
    return int(subject.partition("-")[0])


def code(purpose: str, subject: int) -> str:
    """Six digits for a row, to be read in a mail and typed in; derived as links are. So few need
    a limit on tries, which their row keeps."""
    return _code(purpose, subject, *_keys()[0])


def is_code(purpose: str, subject: int, given: str) -> bool:
    """Whether these are the digits of `code`, by whichever key."""
    fits = [
        compare_digest(given.encode(), _code(purpose, subject, *key).encode()) for key in _keys()
    ]
    return any(fits)


def absolute(path: str) -> str:
    """An address for a mail. Its host is configured, never taken from a request."""
    return urljoin(f"{settings.CXCRM_BASE_URL}/", path.lstrip("/"))


def _keys() -> list[tuple[str, str]]:
    return [
        (number, secret)
        for number, _, secret in (k.partition(":") for k in settings.CXCRM_LINK_KEYS)
    ]


def _seal(purpose: str, subject: str, bound_to: str, number: str, secret: str) -> str:
    mac = _mac(purpose, f"{subject}\0{bound_to}", number, secret)
    return urlsafe_b64encode(mac[:SEAL_BYTES]).rstrip(b"=").decode()


def _code(purpose: str, subject: int, number: str, secret: str) -> str:
    drawn = int.from_bytes(_mac(f"code:{purpose}", str(subject), number, secret)[:8])
    return f"{drawn % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def _mac(purpose: str, subject: str, number: str, secret: str) -> bytes:
    message = f"{purpose}\0{number}\0{subject}".encode()
    return digest(sha256(b"cxcrm.base.links" + secret.encode()).digest(), message, "sha256")
