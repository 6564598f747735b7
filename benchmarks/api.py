"""The API beside plain views of Django REST framework over the same rows, both through the same
middleware in one process."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.test import Client, override_settings

from accounts.models import Contract
from benchmarks.measuring import rolled_back
from cxcrm.api.enums import SCOPES
from cxcrm.api.models import MOST_REQUESTS_PER_MINUTE, ApiKey, KeyUse
from cxcrm.api.services import make_key
from cxcrm.base import clock

BULK = 1_000
# Requests of each kind in a round; a bulk call is made once.
IN_A_ROW = 10


@dataclass(frozen=True)
class Call:
    """`ours` and `plain` are what is asked of either; with `rows` it is a bulk call."""

    name: str
    ours: str
    plain: str
    rows: tuple[dict, ...] = ()


def calls() -> Iterator[Call]:
    last, middle = (
        Contract.objects.order_by("-pk")[offset].pk
        for offset in (30, Contract.objects.count() // 2)
    )
    contract = Contract.objects.select_related("account__brand").get(pk=middle)
    account, brand = contract.account, contract.account.brand

    def listed(
        name: str, resource: str = "contracts", *, plain: dict | None = None, **ours
    ) -> Call:
        asked = ours if plain is None else plain
        return Call(
            f"{resource}{': ' if name else ''}{name}",
            f"/api/v1/{resource}/?{urlencode(ours)}",
            f"/plain/{resource}/?{urlencode(asked)}",
        )

    def page(name: str, after: int) -> Call:
        packed = json.dumps(["id", False, [after]], separators=(",", ":"))
        return listed(
            name,
            cursor=urlsafe_b64encode(packed.encode()).decode(),
            plain={"cursor": urlsafe_b64encode(f"p={after}".encode()).decode()},
        )

    yield listed("first page")
    yield page("page in the middle", middle)
    yield page("last page", last)
    yield listed(
        "first page, six fields", fields="id,external_id,state,price,currency,ends_on", plain={}
    )
    yield listed("first page, account in full", expand="account", plain={})
    yield listed("next to renew", order="renewal_date")
    yield listed("of a brand", brand=brand.code, plain={"brand": brand.pk})
    yield listed("of a customer", account=account.pk)
    yield listed(
        "search of a number",
        search=contract.external_id,
        plain={"external_id": contract.external_id},
    )
    yield Call("contract", f"/api/v1/contracts/{contract.pk}/", f"/plain/contracts/{contract.pk}/")
    yield listed("first page", "accounts")
    yield listed("search of a frequent word", "accounts", search="bakery", plain={})
    changed = Contract.objects.filter(brand=brand).order_by("pk")[:BULK]
    yield Call(
        f"contracts: {BULK:,} new prices in bulk",
        "/api/v1/contracts/bulk/",
        "/plain/contracts/bulk/",
        tuple(
            {"brand": brand.code, "external_id": number, "price": f"{price + 1}"}
            for number, price in changed.values_list("external_id", "price")
        ),
    )


@contextmanager
def integration() -> Iterator[Client]:
    """A client with a key for everything, which is gone afterwards. It commits what each request
    notes of itself, as in production."""
    new = make_key(
        name="benchmark",
        scopes=SCOPES,
        brand_ids=None,
        requests_per_minute=MOST_REQUESTS_PER_MINUTE,
        at=clock.now(),
        actor=None,
    )
    headers = {"host": "127.0.0.1", "authorization": f"Bearer {new.text}"}
    try:
        with override_settings(ROOT_URLCONF="benchmarks.plain_views"):
            yield Client(headers=headers)
    finally:
        KeyUse.objects.filter(key=new.key).delete()
        ApiKey.objects.filter(pk=new.key.pk).delete()
        new.key.user.delete()


def measure(rounds: int) -> None:
    print(f"\n{'call':44} {'plain ms':>9} {'ours ms':>9} {'ratio':>6} {'plain/s':>8} {'ours/s':>8}")
    with integration() as client:
        for call in calls():
            floors, ours = [], []
            for _ in range(rounds):
                floors.append(_seconds(client, call.plain, list(call.rows)))
                ours.append(_seconds(client, call.ours, {"rows": list(call.rows)}))
            floor, our = median(floors), median(ours)
            print(
                f"{call.name:44} {floor * 1000:9.1f} {our * 1000:9.1f} {our / floor:6.2f}"
                f" {1 / floor:8.0f} {1 / our:8.0f}",
                flush=True,
            )


def _seconds(client: Client, path: str, body: Any) -> float:
    """How long one request takes; a bulk call is rolled back."""
    if "bulk" not in path:
        return _timed(lambda: [client.get(path) for _ in range(IN_A_ROW)]) / IN_A_ROW
    with rolled_back():
        return _timed(
            lambda: [
                client.post(
                    path, body, "application/json", headers={"idempotency-key": uuid4().hex}
                )
            ]
        )


def _timed(ask: Callable[[], list]) -> float:
    begun = perf_counter()
    answers = ask()
    seconds = perf_counter() - begun
    for answer in answers:
        if answer.status_code != 200:
            raise RuntimeError(f"{answer.request['PATH_INFO']} answers {answer.status_code}")
    return seconds
