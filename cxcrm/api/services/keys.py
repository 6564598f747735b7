"""Keys of integrations: made, shown once, replaced, revoked, and recognised on each request."""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address, ip_network

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cxcrm.api.enums import KeyState
from cxcrm.api.models import ApiKey, KeyBrand
from cxcrm.api.sql.uses import count_use
from cxcrm.base.constraints import once
from cxcrm.base.errors import DomainError, Taken
from cxcrm.users.models import User
from cxcrm.users.services import create_machine

# Long enough that last use is told apart by the minute, rare enough to cost nothing.
SECONDS_BETWEEN_NOTES = 60
PREFIX_LENGTH = 10
# Of the key whose text the page of a demo shows to everybody.
DEMO_PREFIX = "demodemode"
_KEY = re.compile(r"cx_([0-9a-z]{10})_([0-9A-Za-z_-]{43})")
# Compared with where there is no such key, so that the answer takes as long.
_NO_SECRET = sha256(b"").hexdigest()
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


class BrandsMissing(DomainError):
    code = "brands_missing"


class NetworkInvalid(DomainError):
    code = "network_invalid"


class ExpiryPassed(DomainError):
    code = "expiry_passed"


class KeyIsOver(DomainError):
    code = "key_is_over"


class PrefixTaken(Taken):
    code = "prefix_taken"


@dataclass(frozen=True)
class NewKey:
    """A key with its text, which is shown to whoever made it and to nobody afterwards."""

    key: ApiKey
    text: str = field(repr=False)


def text_of(prefix: str, secret: str) -> str:
    """A key as integrations send it."""
    return f"cx_{prefix}_{secret}"


def make_key(
    *,
    name: str,
    scopes: Sequence[str],
    brand_ids: Sequence[int] | None,
    networks: Sequence[str] = (),
    requests_per_minute: int | None = None,
    expires_at: datetime | None = None,
    prefix: str = "",
    secret: str = "",
    at: datetime,
    actor: User | None,
) -> NewKey:
    """Make a key for an integration, which from now on acts as a login of its own.

    `brand_ids` None: all brands. Prefix and secret are drawn where they are not given. Raises
    ValidationError naming the fields that do not fit, PrefixTaken, and what `check_limits` raises.
    """
    check_limits(brand_ids=brand_ids, expires_at=expires_at, at=at)
    details = {} if requests_per_minute is None else {"requests_per_minute": requests_per_minute}
    with transaction.atomic():
        key = ApiKey(
            prefix=prefix,
            name=name,
            user=create_machine(name=name),
            scopes=sorted(set(scopes)),
            covers_all_brands=brand_ids is None,
            networks=read_networks(networks),
            expires_at=expires_at,
            created_at=at,
            created_by=actor,
            **details,
        )
        return _insert(key, brand_ids or (), secret)


def change_key(
    *,
    key_id: int,
    name: str,
    scopes: Sequence[str],
    brand_ids: Sequence[int] | None,
    networks: Sequence[str],
    requests_per_minute: int,
    expires_at: datetime | None,
    at: datetime,
) -> None:
    """Let a key do other things from its next request on; its text stays as it is, and an expired
    one may be prolonged. Raises what `make_key` raises, and KeyIsOver where it was revoked or
    replaced."""
    with transaction.atomic():
        key = ApiKey.objects.select_for_update(of=["self"]).select_related("user").get(pk=key_id)
        if not key.may_change:
            raise KeyIsOver(_("This key was revoked or replaced."))
        has_new_end = expires_at != key.expires_at
        check_limits(brand_ids=brand_ids, expires_at=expires_at if has_new_end else None, at=at)
        key.name = key.user.name = name
        key.scopes = sorted(set(scopes))
        key.covers_all_brands = brand_ids is None
        key.networks = read_networks(networks)
        key.requests_per_minute = requests_per_minute
        key.expires_at = expires_at
        key.full_clean(exclude=["user", "created_by"])
        key.save()
        key.user.save(update_fields=["name"])
        key.brands.set(brand_ids or ())


def rotate_key(*, key_id: int, overlap: timedelta, at: datetime, actor: User | None) -> NewKey:
    """Make a new key that may do what an old one may, for as long as that was made for; the old
    one is good for `overlap` longer.

    Raises KeyIsOver where the old one is not in use any more.
    """
    with transaction.atomic():
        old = _lock(key_id)
        if old.state_at(at) != KeyState.LIVE:
            raise KeyIsOver(_("This key is not in use any more."))
        if old.replaced_by_id is not None:
            raise KeyIsOver(_("This key has been replaced already."))
        good_for = old.expires_at - old.created_at if old.expires_at else None
        key = ApiKey(
            name=old.name,
            user=old.user,
            scopes=old.scopes,
            covers_all_brands=old.covers_all_brands,
            networks=old.networks,
            requests_per_minute=old.requests_per_minute,
            expires_at=at + good_for if good_for else None,
            created_at=at,
            created_by=actor,
        )
        new = _insert(key, list(old.brands.values_list("pk", flat=True)))
        ends_at = at + overlap
        old.expires_at = min(old.expires_at or ends_at, ends_at)
        old.replaced_by = new.key
        old.save(update_fields=["expires_at", "replaced_by"])
    return new


def revoke_key(*, key_id: int, at: datetime) -> None:
    """Let a key die at once: its next request is refused. One that has expired can then not be
    prolonged any more. Raises KeyIsOver where it was revoked before."""
    with transaction.atomic():
        key = _lock(key_id)
        if key.revoked_at is not None:
            raise KeyIsOver(_("This key is not in use any more."))
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])


def check_limits(
    *, brand_ids: Sequence[int] | None, expires_at: datetime | None, at: datetime
) -> None:
    """Raises BrandsMissing (field `brands`) for a key that would see nothing, and ExpiryPassed
    (field `expires_at`) for one that would be dead from the start."""
    if brand_ids is not None and not brand_ids:
        raise BrandsMissing(_("Choose a brand, or all of them."), field="brands")
    if expires_at is not None and expires_at <= at:
        raise ExpiryPassed(_("This moment has passed."), field="expires_at")


def read_networks(texts: Iterable[str]) -> list[str]:
    """The networks, each in its one spelling. Raises NetworkInvalid (field `networks`)."""
    networks = []
    for text in texts:
        try:
            networks.append(str(ip_network(text.strip(), strict=False)))
        except ValueError:
            message = _("“{text}” is no address and no network.")
            raise NetworkInvalid(format_lazy(message, text=text), field="networks") from None
    return networks


def draw_prefix() -> str:
    """The part of a key that is no secret; 50 bits, so that no two are the same."""
    return "".join(secrets.choice(_LETTERS) for _position in range(PREFIX_LENGTH))


def find_key(*, text: str) -> ApiKey | None:
    """The key of this text, with its user and brands; None for any other text, in the same time.
    Whether it is in use, `is_in_use` says, and from where it may come, `comes_from`."""
    match = _KEY.fullmatch(text)
    prefix, secret = match.groups() if match else ("", "")
    brand_ids = KeyBrand.objects.filter(apikey=OuterRef("pk")).values("brand")
    keys = ApiKey.objects.filter(prefix=prefix).select_related("user")
    key = next(iter(keys.annotate(limited_to=ArraySubquery(brand_ids))), None)
    is_right = compare_digest(
        sha256(secret.encode()).hexdigest(), key.secret_sha256 if key else _NO_SECRET
    )
    return key if is_right else None


def is_in_use(key: ApiKey, at: datetime) -> bool:
    return key.state_at(at) == KeyState.LIVE and key.user.is_active


def comes_from(key: ApiKey, address: str) -> bool:
    """Whether the key may be used from this address."""
    if not key.networks:
        return True
    try:
        client = ip_address(address)
    except ValueError:  # a server behind a socket names no client
        return False
    return any(client in ip_network(network) for network in key.networks)


def note_use(*, key: ApiKey, address: str, is_read: bool, is_refused: bool, at: datetime) -> None:
    """Count one use of the key; the last one is noted by the minute. Outside any transaction."""
    count_use(
        key_id=key.pk,
        at=at,
        reads=int(is_read and not is_refused),
        writes=int(not is_read and not is_refused),
        refused=int(is_refused),
    )
    seen = key.last_used_at
    if (
        seen is None
        or (at - seen).total_seconds() >= SECONDS_BETWEEN_NOTES
        or key.last_used_from != (address or None)
    ):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=at, last_used_from=address or None)


def _insert(key: ApiKey, brand_ids: Sequence[int], secret: str = "") -> NewKey:
    secret = secret or secrets.token_urlsafe(32)
    key.prefix = key.prefix or draw_prefix()
    key.secret_sha256 = sha256(secret.encode()).hexdigest()
    # Whether the prefix is new only the database can say: another may be written by now.
    key.full_clean(exclude=["user", "created_by"], validate_unique=False)
    taken = PrefixTaken(_("There is a key that begins like this."), field="prefix")
    with once("api_apikey_prefix_key", taken):
        key.save(force_insert=True)
    key.brands.set(brand_ids)
    return NewKey(key, text_of(key.prefix, secret))


def _lock(key_id: int) -> ApiKey:
    return ApiKey.objects.select_for_update().get(pk=key_id)
