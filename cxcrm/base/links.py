"""Links in mails: derived from what they open, so that none is stored and each can be sent again.

`<subject>.<seal>`: the seal is an HMAC-SHA256 over purpose, number of the key and subject, cut to
16 bytes. It is checked before anything is looked up. Used, expired and revoked are states of the
row that a link opens.
"""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest, digest
from urllib.parse import urljoin

from django.conf import settings

SEAL_BYTES = 16
CODE_DIGITS = 6
_LINK = re.compile(r"([0-9]{1,18}(?:-[a-z_]{1,20})?)\.([A-Za-z0-9_-]{22})")


def seal(purpose: str, subject: int | str) -> str:
    """The token of a link to `subject`, a row's id, with a word behind a hyphen if need be."""
    number, secret = _keys()[0]
    return f"{subject}.{_seal(purpose, str(subject), number, secret)}"


def opened(purpose: str, token: str) -> str | None:
    """The subject of a token that was sealed for this purpose; None for any other."""
    link = _LINK.fullmatch(token)
    if link is None:
        return None
    subject, given = link.groups()
    # All keys are tried, so that the time tells nothing.
    fits = [compare_digest(given, _seal(purpose, subject, *key)) for key in _keys()]
    return subject if any(fits) else None


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


def _seal(purpose: str, subject: str, number: str, secret: str) -> str:
    mac = _mac(purpose, subject, number, secret)
    return urlsafe_b64encode(mac[:SEAL_BYTES]).rstrip(b"=").decode()


def _code(purpose: str, subject: int, number: str, secret: str) -> str:
    drawn = int.from_bytes(_mac(f"code:{purpose}", str(subject), number, secret)[:8])
    return f"{drawn % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def _mac(purpose: str, subject: str, number: str, secret: str) -> bytes:
    message = f"{purpose}\0{number}\0{subject}".encode()
    return digest(sha256(b"cxcrm.base.links" + secret.encode()).digest(), message, "sha256")
