import json
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import Brand
from cxcrm.api.services import make_key
from tests.factories import NOW

# None says: send none.
MAKES_ONE_KEY = object()


class ApiClient:
    """Talks to the API as an integration does: by path below `/api/v1/`, with a key, in JSON."""

    def __init__(self, key: str | None) -> None:
        self.key = key
        self._client = Client()

    def sign_in(self, user: Any) -> None:
        """Send the cookie of a session, as a browser would."""
        self._client.force_login(user)

    def get(self, path: str, *, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self._send("GET", path, headers=headers, query=query)

    def post(
        self,
        path: str,
        body: Any,
        *,
        idempotency_key: Any = MAKES_ONE_KEY,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """With an Idempotency-Key of its own unless one is given; None sends none."""
        if idempotency_key is MAKES_ONE_KEY:
            idempotency_key = uuid4().hex
        return self._send(
            "POST",
            path,
            body=body,
            headers={"Idempotency-Key": idempotency_key} | (headers or {}),
        )

    def patch(self, path: str, body: Any, *, if_match: str | None = None) -> Any:
        return self._send("PATCH", path, body=body, headers={"If-Match": if_match})

    def put(self, path: str, body: Any) -> Any:
        return self._send("PUT", path, body=body)

    def send(self, method: str, path: str, **options: Any) -> Any:
        """Any method, with `body`, `headers`, `query` and `content_type` as they are; a body in
        bytes goes as it is."""
        return self._send(method, path, **options)

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Any = b"",
        headers: dict[str, str | None] | None = None,
        query: dict[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        sent = {name: value for name, value in (headers or {}).items() if value is not None}
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        return self._client.generic(
            method,
            address_of(path),
            body if isinstance(body, bytes) else json.dumps(body).encode(),
            content_type,
            headers=sent,
            query_params=query,
        )


def address_of(path: str) -> str:
    """`path` may be whole, as the links in answers are, or begin below `/api/v1/`."""
    if "://" in path:
        return "/" + path.split("://", 1)[1].split("/", 1)[1]
    return path if path.startswith("/") else f"/api/v1/{path}"


@pytest.fixture
def make_api_client(db) -> Callable[..., ApiClient]:
    """`make_api_client("customers:read", brands=[brand])`: a client with a new key of these
    scopes; without `brands` it is for all of them."""

    def make(*scopes: str, brands: Sequence[Brand] | None = None, **details: Any) -> ApiClient:
        new = make_key(
            name="billing",
            scopes=scopes,
            brand_ids=None if brands is None else [brand.pk for brand in brands],
            at=NOW,
            actor=None,
            **details,
        )
        return ApiClient(new.text)

    return make
