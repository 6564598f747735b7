"""The demo's integration: a key that its start page can show, as it is made from the secret key."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from random import Random

from django.conf import settings

from cxcrm.api.enums import SCOPES
from cxcrm.api.services import DEMO_PREFIX, find_key, is_in_use, make_key, note_use, text_of

NAME = "Billing system"
DAYS_OF_USE = 20
USES_A_DAY = 12


def shown_key(*, at: datetime) -> str:
    """The text of the demo's key; empty where there is none, or it is dead."""
    if not settings.CXCRM_DEMO:
        return ""
    text = text_of(DEMO_PREFIX, _secret())
    key = find_key(text=text)
    return text if key is not None and is_in_use(key, at) else ""


def let_in_billing(rng: Random, *, at: datetime) -> None:
    """Make the key; the billing system has been using it for some days."""
    began_at = at - timedelta(days=DAYS_OF_USE)
    key = make_key(
        name=NAME,
        scopes=SCOPES,
        brand_ids=None,
        prefix=DEMO_PREFIX,
        secret=_secret(),
        at=began_at,
        actor=None,
    ).key
    for day in range(DAYS_OF_USE):
        for _use in range(rng.randint(USES_A_DAY // 2, USES_A_DAY * 2)):
            note_use(
                key=key,
                address="192.0.2.17",
                is_read=rng.random() < 0.8,
                is_refused=rng.random() < 0.03,
                at=began_at + timedelta(days=day, minutes=rng.randrange(600)),
            )


def _secret() -> str:
    digest = hmac.digest(settings.SECRET_KEY.encode(), b"key of the demo", "sha256")
    return urlsafe_b64encode(digest).decode().rstrip("=")
